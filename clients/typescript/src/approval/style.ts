/** The looks. Constructed as a style sheet, so that a page's Content-Security-Policy needs no exception for it. */

export const STYLE = `
:host {
  --_line: var(--awe-approval-line, light-dark(#d4d9e0, #3b4048));
  --_text: var(--awe-approval-text, light-dark(#1b1f24, #e6e9ed));
  --_quiet: var(--awe-approval-quiet, light-dark(#565d66, #b3bac2));
  --_surface: var(--awe-approval-surface, light-dark(#ffffff, #1d2024));
  --_good: var(--awe-approval-good, light-dark(#1f6b35, #7bd195));
  --_bad: var(--awe-approval-bad, light-dark(#b3261e, #ff9d96));
  --_warn: var(--awe-approval-warn, light-dark(#8a4b00, #ffbf70));
  --_busy: var(--awe-approval-busy, light-dark(#135084, #8cc4f5));
  --_radius: var(--awe-approval-radius, 8px);
  display: block;
  container-type: inline-size;
  font: var(--awe-approval-font, inherit);
  color: var(--_text);
  overflow-wrap: anywhere;
}
:host([hidden]) { display: none; }
* { box-sizing: border-box; }
section { display: grid; gap: 12px; }
.body { display: contents; }
ol, ul { list-style: none; margin: 0; padding: 0; }
p { margin: 0; }
.quiet { color: var(--_quiet); font-size: 0.85em; }
.state { display: inline-flex; gap: 5px; align-items: baseline; font-weight: 600; font-size: 0.9em; color: var(--_quiet); }
.state::before { content: "○"; }
[data-tone="good"] > .state, .state[data-tone="good"] { color: var(--_good); }
[data-tone="bad"] > .state, .state[data-tone="bad"] { color: var(--_bad); }
[data-tone="warn"] > .state, .state[data-tone="warn"] { color: var(--_warn); }
[data-tone="busy"] > .state, .state[data-tone="busy"] { color: var(--_busy); }
.state[data-tone="good"]::before { content: "✓"; }
.state[data-tone="bad"]::before { content: "✕"; }
.state[data-tone="warn"]::before { content: "!"; }
.state[data-tone="busy"]::before { content: "◔"; }
.stages { display: grid; gap: 8px; }
.stages > li {
  background: var(--_surface); border: 1px solid var(--_line); border-inline-start: 4px solid var(--_quiet);
  border-radius: var(--_radius); padding: 10px 12px; display: grid; gap: 6px;
}
.stages > li[data-tone="good"] { border-inline-start-color: var(--_good); }
.stages > li[data-tone="bad"] { border-inline-start-color: var(--_bad); }
.stages > li[data-tone="warn"] { border-inline-start-color: var(--_warn); }
.stages > li[data-tone="busy"] { border-inline-start-color: var(--_busy); }
.head { display: flex; flex-wrap: wrap; gap: 2px 10px; justify-content: space-between; align-items: baseline; }
.name { font-weight: 600; }
.facts { display: flex; flex-wrap: wrap; gap: 2px 14px; font-size: 0.85em; color: var(--_quiet); }
.facts b { color: var(--_text); font-weight: 600; }
.facts .over, .facts .over b { color: var(--_warn); }
.seats { display: grid; gap: 6px; border-block-start: 1px solid var(--_line); padding-block-start: 6px; }
.seat { display: flex; flex-wrap: wrap; gap: 0 8px; align-items: baseline; }
blockquote { margin: 2px 0 0; padding-inline-start: 8px; border-inline-start: 2px solid var(--_line); white-space: pre-wrap; font-size: 0.9em; flex-basis: 100%; }
summary { cursor: pointer; min-height: 24px; font-weight: 600; font-size: 0.9em; }
.history { display: grid; gap: 6px; margin-block-start: 6px; font-size: 0.9em; }
.note { border: 1px dashed var(--_line); border-radius: var(--_radius); padding: 12px; display: grid; gap: 8px; justify-items: start; }
button { font: inherit; color: inherit; background: var(--_surface); border: 1px solid var(--_quiet); border-radius: 4px; padding: 4px 12px; min-height: 32px; cursor: pointer; }
:focus-visible { outline: 2px solid var(--_busy); outline-offset: 2px; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (forced-colors: active) { .stages > li { border-inline-start-color: CanvasText; } }
@media print { details > :not(summary) { display: block; } }
`;
