/**
 * Rows by keys: the arrows go down and up the links of a list, and so do j and k once the focus is in it (letters alone
 * are no shortcuts elsewhere, where somebody may speak to the machine); x ticks a row; Enter opens as always.
 */

import { useHotkeys } from "@mantine/hooks";

export function useRowKeys(): void {
  useHotkeys([
    ["ArrowDown", () => move(1)],
    ["ArrowUp", () => move(-1)],
    ["j", () => isInside() && move(1)],
    ["k", () => isInside() && move(-1)],
    ["x", () => isInside() && select()],
  ]);
}

function isInside(): boolean {
  return document.activeElement?.closest(".kit-table") != null;
}

function move(step: number): void {
  if (document.activeElement !== document.body && !document.activeElement?.closest("main")) return;
  const all = [...document.querySelectorAll<HTMLElement>("[data-row-link]")];
  const at = all.indexOf(document.activeElement as HTMLElement);
  const next = all[at < 0 ? (step > 0 ? 0 : all.length - 1) : at + step];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

function select(): void {
  document.activeElement?.closest("tr")?.querySelector<HTMLInputElement>('input[type="checkbox"]')?.click();
}
