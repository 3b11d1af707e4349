/** Where the bearer token of a call comes from. */

import { TokenError } from "./errors.js";

/**
 * A text, or a function that is asked before each attempt, for example for the token of the user whose request is being
 * served. `undefined` sends none.
 */
export type Token = string | undefined | (() => string | undefined | Promise<string | undefined>) | ClientCredentials;

export interface ClientCredentialsOptions {
  tokenUrl: string;
  clientId: string;
  clientSecret: string;
  scope?: string;
  audience?: string;
  /** Client and secret go in the form, not in a Basic header. */
  inBody?: boolean;
  fetch?: typeof fetch;
  /** Milliseconds to wait for the token endpoint; 10,000 when absent. */
  timeoutMs?: number;
  /** Milliseconds of a clock that only goes on. */
  clock?: () => number;
}

const EARLY_MS = 30_000;
const SHORTEST_MS = 5_000;

/**
 * A token by OAuth2 client credentials (RFC 6749 section 4.4), asked for once and kept until shortly before it expires.
 * One object may serve several clients.
 */
export class ClientCredentials {
  readonly #options: ClientCredentialsOptions;
  #kept: { token: string; until: number } | undefined;
  #asking: Promise<string> | undefined;

  constructor(options: ClientCredentialsOptions) {
    this.#options = options;
  }

  /** Rejects with TokenError. Calls at the same moment share one question. */
  get(): Promise<string> {
    if (this.#kept && this.#clock() < this.#kept.until) return Promise.resolve(this.#kept.token);
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  /** The server refused this token: the next call asks for another. */
  drop(token: string): void {
    if (this.#kept?.token === token) this.#kept = undefined;
  }

  #clock(): number {
    return (this.#options.clock ?? (() => performance.now()))();
  }

  async #ask(): Promise<string> {
    const { tokenUrl, clientId, clientSecret, scope, audience, inBody, timeoutMs } = this.#options;
    const form = new URLSearchParams({ grant_type: "client_credentials" });
    const headers = new Headers({ accept: "application/json", "content-type": "application/x-www-form-urlencoded" });
    if (scope) form.set("scope", scope);
    if (audience) form.set("audience", audience);
    if (inBody) {
      form.set("client_id", clientId);
      form.set("client_secret", clientSecret);
    } else {
      headers.set("authorization", `Basic ${btoa(`${formEncoded(clientId)}:${formEncoded(clientSecret)}`)}`);
    }
    const began = this.#clock();
    let answer: Response;
    let told: { access_token?: unknown; expires_in?: unknown };
    try {
      const signal = AbortSignal.timeout(timeoutMs ?? 10_000);
      const send = this.#options.fetch ?? fetch;
      answer = await send(tokenUrl, { method: "POST", body: form.toString(), headers, signal, redirect: "manual" });
      told = await answer.json().catch(() => ({}));
    } catch (cause) {
      throw new TokenError("the token endpoint did not answer", { cause });
    }
    if (answer.status !== 200 || typeof told?.access_token !== "string") {
      throw new TokenError(`the token endpoint answered ${answer.status} without a token`);
    }
    const lasts = (Number(told.expires_in) || 60) * 1000;
    this.#kept = { token: told.access_token, until: began + Math.max(lasts - EARLY_MS, Math.min(SHORTEST_MS, lasts)) };
    return told.access_token;
  }
}

function formEncoded(text: string): string {
  return new URLSearchParams([["", text]]).toString().slice(1);
}
