/**
 * `<awe-approval request-id base-url>`: where an approval stands, read-only, for the pages of whoever asked for it.
 * Importing this module defines the element; where there is no browser, it does nothing.
 */

import { Feed, PATH, type Source, type State, urlOf } from "./feed.js";
import { type NameOf, storyOf } from "./story.js";
import { STYLE } from "./style.js";
import { drawHistory, drawNote, drawStory, element, type Look } from "./view.js";
import { localeOf, WORDS } from "./words.js";

export type { Approval, State } from "./feed.js";
export type { NameOf } from "./story.js";

export const TAG = "awe-approval";
const ATTRIBUTES = ["request-id", "base-url", "path", "locale", "time-zone"];

// Servers that render pages import this module too.
const Base = (globalThis.HTMLElement ?? class {}) as typeof HTMLElement;
let sheet: CSSStyleSheet | undefined;

export class AweApproval extends Base {
  static readonly observedAttributes = ATTRIBUTES;

  #token: Source["token"];
  #nameOf: NameOf = () => undefined;
  #fetch: typeof fetch | undefined;
  #feed: Feed | undefined;
  #state: State = { is: "loading" };
  #body = undefined as unknown as HTMLElement;
  #history = undefined as unknown as HTMLElement;
  #past = undefined as unknown as HTMLElement;
  #live = undefined as unknown as HTMLElement;
  #said = "";

  /** A bearer token, or who gives one before each attempt. Without it the page's cookies say who asks. */
  set token(token: Source["token"]) {
    const isNew = token !== this.#token;
    this.#token = token;
    if (isNew) this.#restart();
  }
  get token(): Source["token"] {
    return this.#token;
  }

  /** Names people; ids are shown where it knows none. */
  set nameOf(nameOf: NameOf | undefined) {
    this.#nameOf = nameOf ?? (() => undefined);
    this.#draw();
  }

  /** How calls are made, where the page's own `fetch` is not it. */
  set fetch(own: typeof fetch | undefined) {
    this.#fetch = own;
    this.#restart();
  }

  /** Asks at once: when the page knows that something has happened. */
  refresh(): void {
    this.#feed?.ask();
  }

  connectedCallback(): void {
    if (!this.shadowRoot) this.#build();
    document.addEventListener("visibilitychange", this.#onVisible);
    this.#restart();
  }

  disconnectedCallback(): void {
    document.removeEventListener("visibilitychange", this.#onVisible);
    this.#feed?.stop();
    this.#feed = undefined;
  }

  attributeChangedCallback(name: string, before: string | null, now: string | null): void {
    if (before === now) return;
    if (name === "locale" || name === "time-zone") this.#draw();
    else this.#restart();
  }

  #build(): void {
    const root = this.attachShadow({ mode: "open" });
    if (!sheet) {
      sheet = new CSSStyleSheet();
      sheet.replaceSync(STYLE);
    }
    root.adoptedStyleSheets = [sheet];
    this.#body = element("div", { class: "body" });
    this.#past = element("ol", { class: "history", role: "list" });
    this.#history = element("details", {}, element("summary"), this.#past);
    this.#live = element("div", { class: "unseen", role: "status", "aria-live": "polite" });
    root.append(element("section", {}, this.#body, this.#history, this.#live));
  }

  readonly #onVisible = (): void => {
    if (document.visibilityState === "visible") this.#feed?.start();
    else this.#feed?.stop();
  };

  /** From the beginning: another thing, another place or another person. */
  #restart(): void {
    this.#feed?.stop();
    this.#feed = undefined;
    if (!this.isConnected || !this.shadowRoot) return;
    const id = this.getAttribute("request-id");
    this.#state = id ? { is: "loading" } : { is: "unknown" };
    this.#said = "";
    this.#draw();
    if (!id) return;
    const url = urlOf(this.getAttribute("base-url") ?? "", this.getAttribute("path") ?? PATH, id);
    this.#feed = new Feed({ url, token: this.#token, fetch: this.#fetch }, (state) => this.#become(state));
    if (document.visibilityState === "visible") this.#feed.start();
  }

  #become(state: State): void {
    const before = this.#state.is === "shown" ? this.#state.approval.request.status : undefined;
    this.#state = state;
    this.#draw();
    if (state.is !== "shown") return;
    const { status } = state.approval.request;
    if (before === status) return;
    /** The status of the request, first and whenever it changes. */
    this.dispatchEvent(new CustomEvent("awe-approval-status", { detail: { status }, bubbles: true, composed: true }));
  }

  #draw(): void {
    if (!this.shadowRoot) return;
    const around = this.closest("[lang]")?.getAttribute("lang");
    const locale = localeOf(this.getAttribute("locale"), around, globalThis.navigator?.language);
    const words = WORDS[locale];
    const look: Look = { words, locale, timeZone: this.getAttribute("time-zone") ?? undefined };
    const section = this.#body.parentElement;
    section?.setAttribute("aria-label", words.title);
    section?.setAttribute("lang", locale);
    section?.setAttribute("dir", locale === "ar" ? "rtl" : "ltr");
    if (this.#state.is !== "shown") {
      this.#history.hidden = true;
      this.#body.replaceChildren(drawNote(this.#state, look, () => this.#again()));
      if (this.#state.is !== "loading") this.#say(words[this.#state.is]);
      return;
    }
    const story = storyOf(this.#state.approval, words, locale, this.#nameOf);
    this.#body.replaceChildren(...drawStory(story, this.#state.stale, look));
    this.#history.hidden = story.history.length === 0;
    this.#history.firstElementChild?.replaceChildren(words.history);
    this.#past.replaceChildren(...drawHistory(story.history, look));
    const current = story.stages.filter((stage) => stage.isCurrent);
    const parts = current.map((one) => [one.name, one.state, one.approvals].filter(Boolean).join(", "));
    this.#say([story.word, ...parts].join(". "));
  }

  #again(): void {
    if (this.#feed) this.#feed.ask();
    else this.#restart();
  }

  /** To screen readers: what is new, not what they find at the first look. */
  #say(text: string): void {
    if (this.#said !== "" && this.#said !== text) this.#live.textContent = text;
    this.#said = text;
  }
}

if (globalThis.customElements && !customElements.get(TAG)) customElements.define(TAG, AweApproval);

declare global {
  interface HTMLElementTagNameMap {
    "awe-approval": AweApproval;
  }
}
