/** Asks a caller's proxy for the approval of one thing, again and again: sooner while something happens, later while not. */

import type { components } from "../generated/openapi.js";

type Schemas = components["schemas"];

/** What the proxy answers: three answers of AWE side by side. */
export interface Approval {
  request: Schemas["RequestOut"];
  progress: Schemas["ProgressOut"];
  events: Schemas["EventOut"][];
}

export type State =
  | { is: "loading" }
  /** `stale`: the last attempt to renew it has failed. */
  | { is: "shown"; approval: Approval; stale: boolean }
  | { is: "unknown" }
  | { is: "forbidden" }
  | { is: "offline" };

export interface Source {
  url: string;
  /** Sent as `Authorization`; a function is asked before each attempt. Absent: the page's cookies say who asks. */
  token?: string | (() => string | Promise<string>) | undefined;
  fetch?: typeof fetch | undefined;
}

export const PATH = "/{request-id}/approval";
const TIMEOUT_MS = 10_000;
/** While something changes; it doubles with each answer that is as the one before, and with each failure. */
export const FIRST_MS = 5_000;
export const MOST_MS = 60_000;
/** Beyond this a `Retry-After` is not believed. */
const MOST_ASKED_MS = 300_000;
const ENDED = new Set(["approved", "rejected", "cancelled", "expired"]);

/** Where the approval is. `template`: joined to `base`; `{request-id}` in it stands for the id. */
export function urlOf(base: string, template: string, id: string): string {
  return base.replace(/\/+$/, "") + template.replaceAll("{request-id}", encodeURIComponent(id));
}

/** Milliseconds until the next attempt, given the wait before. `asked`: what the server wants at least. */
export function nextWait(before: number, changed: boolean, asked = 0): number {
  const wait = changed ? FIRST_MS : Math.min(before * 2, MOST_MS);
  return Math.max(wait, Math.min(asked, MOST_ASKED_MS));
}

class Refused extends Error {
  constructor(
    readonly status: number,
    readonly askedMs: number,
  ) {
    super(`the proxy answered ${status}`);
  }
}

/** Runs from `start` to `stop`; tells each state that differs from the one before. */
export class Feed {
  readonly #source: Source;
  readonly #tell: (state: State) => void;
  #state: State = { is: "loading" };
  #known = "";
  #wait = FIRST_MS;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asking: AbortController | undefined;
  #stopped = true;

  constructor(source: Source, tell: (state: State) => void) {
    this.#source = source;
    this.#tell = tell;
  }

  start(): void {
    this.#stopped = false;
    this.ask();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#asking?.abort();
    this.#asking = undefined;
  }

  /** Asks at once, unless an answer is awaited already; counts as news, so that the next attempts come soon. */
  async ask(): Promise<void> {
    if (this.#stopped || this.#asking) return;
    clearTimeout(this.#timer);
    const asking = new AbortController();
    this.#asking = asking;
    let changed = false;
    let asked = 0;
    try {
      const approval = await read(this.#source, asking.signal);
      if (asking.signal.aborted) return;
      changed = this.#show(approval);
    } catch (error) {
      if (asking.signal.aborted) return;
      asked = error instanceof Refused ? error.askedMs : 0;
      this.#fail(error);
    }
    this.#asking = undefined;
    this.#wait = nextWait(this.#wait, changed, asked);
    const { is } = this.#state;
    const isOver = this.#state.is === "shown" && !this.#state.stale && ENDED.has(this.#state.approval.request.status);
    // What has ended stays as it is; what is not there, or not for this person, does not come by asking.
    if (isOver || is === "unknown" || is === "forbidden") return;
    this.#timer = setTimeout(() => this.ask(), this.#wait * (0.9 + Math.random() / 5));
  }

  #show(approval: Approval): boolean {
    // The moment that it was asked differs each time, and is no news.
    const known = JSON.stringify([approval.request, { ...approval.progress, as_of: "" }, approval.events.length]);
    const isNew = known !== this.#known;
    const wasStale = this.#state.is !== "shown" || this.#state.stale;
    this.#known = known;
    if (isNew || wasStale) this.#become({ is: "shown", approval, stale: false });
    return isNew;
  }

  #fail(error: unknown): void {
    const status = error instanceof Refused ? error.status : undefined;
    if (status === 404 || status === 410) this.#become({ is: "unknown" });
    else if (status === 401 || status === 403) this.#become({ is: "forbidden" });
    else if (this.#state.is === "shown") this.#become({ ...this.#state, stale: true });
    else this.#become({ is: "offline" });
  }

  #become(state: State): void {
    this.#state = state;
    this.#tell(state);
  }
}

async function read({ url, token, fetch: own }: Source, signal: AbortSignal): Promise<Approval> {
  const headers: Record<string, string> = { accept: "application/json" };
  const bearer = typeof token === "function" ? await token() : token;
  if (bearer) headers.authorization = `Bearer ${bearer}`;
  const init: RequestInit = {
    headers,
    credentials: "same-origin",
    cache: "no-store",
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
  };
  const answer = await (own ?? fetch)(url, init);
  if (!answer.ok) throw new Refused(answer.status, Number(answer.headers.get("retry-after") ?? 0) * 1000 || 0);
  const told = (await answer.json()) as Partial<Approval>;
  if (!told.request || !Array.isArray(told.progress?.stages)) throw new Error("the answer is no approval");
  return { request: told.request, progress: told.progress, events: told.events ?? [] };
}
