/** Sends one call through all its attempts. */

import { ClientCredentials, type Token } from "./auth.js";
import {
  ApiError,
  AweError,
  fromAnswer,
  RequestTimeout,
  TokenError,
  TransportError,
  UnexpectedAnswer,
} from "./errors.js";
import type { operations } from "./generated/openapi.js";
import { OPERATIONS } from "./generated/operations.js";
import { Places } from "./places.js";

/** When a call is sent again. All times in milliseconds. */
export interface RetryPolicy {
  /** Attempts in all; 1 = never again. */
  attempts: number;
  /** Longest wait before the second attempt; it doubles with each. The wait is drawn between half of that and it. */
  firstMs: number;
  /** The wait never grows beyond. */
  mostMs: number;
  /** A `Retry-After` beyond this ends the call with its error. */
  mostRetryAfterMs: number;
  /** No attempt begins later than this after the first. */
  totalMs: number;
}

export const RETRY_POLICY: Readonly<RetryPolicy> = {
  attempts: 4,
  firstMs: 250,
  mostMs: 5_000,
  mostRetryAfterMs: 30_000,
  totalMs: 60_000,
};

export interface ClientOptions {
  /** As in `https://awe.example.org`; `/v1/awe` at its end is understood. In a browser also `""`: the page's origin. */
  baseUrl: string;
  token?: Token;
  /** Milliseconds for each attempt; 10,000 when absent. */
  timeoutMs?: number;
  retry?: Partial<RetryPolicy>;
  /**
   * Writes `traceparent` (and `tracestate`) into a carrier, as OpenTelemetry's
   * `(carrier) => propagation.inject(context.active(), carrier)` does. Asked for each attempt.
   */
  trace?: (carrier: Record<string, string>) => void;
  fetch?: typeof fetch;
}

/** What may be said with each call. */
export interface CallOptions {
  /** Milliseconds for each attempt, instead of the client's. */
  timeoutMs?: number;
  /** Aborts the call and its retries, with the signal's reason. */
  signal?: AbortSignal;
}

/** Every `operationId` of the contract that answers once. */
export type OperationId = keyof typeof OPERATIONS & keyof operations;

type Parameters<
  Id extends OperationId,
  Place extends "path" | "query" | "header",
> = operations[Id]["parameters"] extends {
  [name in Place]: infer Found;
}
  ? Found
  : operations[Id]["parameters"] extends { [name in Place]?: infer Found }
    ? Found
    : never;

type Body<Id extends OperationId> = operations[Id] extends {
  requestBody: { content: { "application/json": infer Found } };
}
  ? Found
  : never;

type Given<Name extends string, Value> = [Value] extends [never]
  ? unknown
  : undefined extends Value
    ? { [name in Name]?: Value }
    : { [name in Name]: Value };

/** What an operation is called with: `path`, `query`, `header`, `body`, and `idempotencyKey` where it takes one. */
export type Input<Id extends OperationId> = Given<"path", Exclude<Parameters<Id, "path">, undefined>> & {
  query?: Exclude<Parameters<Id, "query">, undefined>;
  header?: Omit<Exclude<Parameters<Id, "header">, undefined>, "Idempotency-Key">;
} & Given<"body", Body<Id>> & { idempotencyKey?: string };

type Success<Responses> = Responses extends { 200: infer Found }
  ? Found
  : Responses extends { 201: infer Found }
    ? Found
    : never;

/** What an operation answers; undefined without a body. */
export type Output<Id extends OperationId> =
  Success<operations[Id]["responses"]> extends { content: infer Content } ? Content[keyof Content] : undefined;

/** An answer with what its headers say. `key`: the Idempotency-Key that was sent. */
export interface Answer<Value> {
  value: Value;
  headers: Headers;
  nextCursor: string | undefined;
  key: string | undefined;
}

const PREFIX = "/v1/awe";
const TIMEOUT_MS = 10_000;
const TRIED_AGAIN = new Set([408, 429, 502, 503, 504]);
/** The headers that tie a call or an event to a trace (W3C Trace Context). */
export const TRACED = ["traceparent", "tracestate"];

interface Call {
  id: OperationId;
  url: string;
  method: string;
  headers: Record<string, string>;
  body: string | undefined;
  key: string | undefined;
  options: CallOptions;
}

export class Transport {
  readonly places = new Places();
  readonly #options: ClientOptions;
  readonly #base: string;
  readonly #retry: RetryPolicy;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#base = baseOf(options.baseUrl);
    this.#retry = { ...RETRY_POLICY, ...options.retry };
  }

  get options(): ClientOptions {
    return this.#options;
  }

  async send<Id extends OperationId>(id: Id, input: Input<Id>, options: CallOptions): Promise<Answer<Output<Id>>> {
    const call = this.#write(id, input as Loose, options);
    const began = performance.now();
    let renewed = false;
    for (let attempt = 1; ; attempt++) {
      let token: string | undefined;
      try {
        token = await this.#bearer();
        return await this.#attempt(call, token);
      } catch (error) {
        if (!(error instanceof AweError)) throw error;
        error.idempotencyKey = call.key;
        const source = this.#options.token;
        if (error instanceof ApiError && error.status === 401 && !renewed && typeof source === "object") {
          renewed = true;
          if (token !== undefined) source.drop(token);
          continue;
        }
        if (error instanceof ApiError && error.status === 401 && !renewed && typeof source === "function") {
          renewed = true;
          continue;
        }
        const wait = this.#wait(call, error, attempt);
        if (wait === undefined || performance.now() - began + wait > this.#retry.totalMs) throw error;
        await pause(wait, options.signal);
      }
    }
  }

  /** Milliseconds until the call is sent again; undefined when it is not. */
  #wait(call: Call, error: AweError, attempt: number): number | undefined {
    let asked = 0;
    if (error instanceof ApiError) {
      if (!TRIED_AGAIN.has(error.status)) return undefined;
      asked = error.retryAfterMs ?? 0;
    } else if (!(error instanceof TransportError)) {
      return undefined;
    }
    const repeatable = call.method === "GET" || call.key !== undefined;
    if (error.retry === "no" || (error.retry === "with_key" && !repeatable)) return undefined;
    return waitAfter(this.#retry, attempt, asked);
  }

  #write(id: OperationId, input: Loose, options: CallOptions): Call {
    const operation = OPERATIONS[id];
    const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => segment(name, input.path?.[name]));
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(input.query ?? {})) {
      for (const one of Array.isArray(value) ? value : [value]) {
        if (one !== undefined && one !== null)
          query.append(name, one instanceof Date ? one.toISOString() : String(one));
      }
    }
    const headers: Record<string, string> = { accept: "application/json, */*;q=0.5" };
    for (const [name, value] of Object.entries(input.header ?? {})) {
      if (value !== undefined && value !== null) headers[name.toLowerCase()] = String(value);
    }
    // Minted here, before the first attempt: every attempt carries the same key.
    const key = operation.takesKey ? (input.idempotencyKey ?? newKey()) : undefined;
    if (key !== undefined) headers["idempotency-key"] = key;
    const body = input.body === undefined ? undefined : JSON.stringify(input.body);
    if (body !== undefined) headers["content-type"] = "application/json";
    const asked = query.size > 0 ? `?${query}` : "";
    return { id, url: `${this.#base}${path}${asked}`, method: operation.method, headers, body, key, options };
  }

  async #bearer(): Promise<string | undefined> {
    const source = this.#options.token;
    if (source instanceof ClientCredentials) return source.get();
    const found = typeof source === "function" ? await source() : source;
    if (found !== undefined && typeof found !== "string") throw new TokenError("a token is a text");
    return found;
  }

  async #attempt<Value>(call: Call, token: string | undefined): Promise<Answer<Value>> {
    const headers = this.#headers(call.headers, token);
    const timeoutMs = call.options.timeoutMs ?? this.#options.timeoutMs ?? TIMEOUT_MS;
    const timeout = AbortSignal.timeout(timeoutMs);
    const signal = call.options.signal ? AbortSignal.any([timeout, call.options.signal]) : timeout;
    const send = this.#options.fetch ?? fetch;
    let response: Response;
    let text: string;
    try {
      const init: RequestInit = { method: call.method, headers, signal, redirect: "manual" };
      if (call.body !== undefined) init.body = call.body;
      response = await send(call.url, init);
      text = await response.text();
    } catch (cause) {
      if (call.options.signal?.aborted) throw call.options.signal.reason;
      if (timeout.aborted) throw new RequestTimeout(`no answer within ${timeoutMs} ms`, true, { cause });
      throw new TransportError(`no answer: ${codeOf(cause) ?? cause}`, !UNSENT.has(codeOf(cause) ?? ""), { cause });
    }
    return this.#read(call, response, text);
  }

  /** Asks for a stream of server-sent events, once; `ending` ends it. The head of the answer has to come in time. */
  async follow(
    query: URLSearchParams,
    milliseconds: number,
    ending: AbortController,
    signal?: AbortSignal,
  ): Promise<Response> {
    const token = await this.#bearer();
    const headers = this.#headers({ accept: "text/event-stream" }, token);
    const stop = () => ending.abort();
    const timer = setTimeout(stop, Math.min(milliseconds, this.#options.timeoutMs ?? TIMEOUT_MS));
    signal?.addEventListener("abort", stop, { once: true });
    try {
      const send = this.#options.fetch ?? fetch;
      const init: RequestInit = { headers, signal: ending.signal, redirect: "manual" };
      return await send(`${this.#base}${PREFIX}/stream?${query}`, init);
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    }
  }

  #headers(given: Record<string, string>, token: string | undefined): Headers {
    const headers = new Headers(given);
    const carrier: Record<string, string> = {};
    this.#options.trace?.(carrier);
    for (const name of TRACED) if (carrier[name]) headers.set(name, carrier[name]);
    if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
    return headers;
  }

  #read<Value>(call: Call, response: Response, text: string): Answer<Value> {
    if (response.status >= 400) throw fromAnswer(response.status, text, response.headers);
    if (!response.ok) {
      throw new UnexpectedAnswer("the answer is a redirect: name the final URL", response.status);
    }
    const operation = OPERATIONS[call.id];
    let value: unknown;
    if (operation.isText) value = text;
    else if (text !== "") {
      try {
        value = JSON.parse(text);
      } catch {
        throw new UnexpectedAnswer(`the answer of ${call.id} is not JSON`, response.status);
      }
    }
    const nextCursor = response.headers.get("x-next-cursor") || undefined;
    return { value: value as Value, headers: response.headers, nextCursor, key: call.key };
  }
}

/** What `Input` is when no operation is named. */
interface Loose {
  path?: Record<string, unknown>;
  query?: Record<string, unknown>;
  header?: Record<string, unknown>;
  body?: unknown;
  idempotencyKey?: string;
}

/** Codes of failures before anything was sent. Browsers tell none. */
const UNSENT = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);

function codeOf(cause: unknown): string | undefined {
  for (let one = cause; one instanceof Error; one = one.cause) {
    const code = (one as { code?: unknown }).code;
    if (typeof code === "string") return code;
  }
  return undefined;
}

/** Milliseconds to wait after attempt number `attempt`, from 1; undefined = do not try again. */
export function waitAfter(policy: RetryPolicy, attempt: number, askedMs: number): number | undefined {
  if (attempt >= policy.attempts || askedMs > policy.mostRetryAfterMs) return undefined;
  const longest = Math.min(policy.mostMs, policy.firstMs * 2 ** Math.min(attempt - 1, 30));
  return Math.max(longest * (0.5 + Math.random() / 2), askedMs);
}

/** Waits; rejects with the signal's reason when it is aborted. */
export function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const end = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", end);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", end, { once: true });
  });
}

/** 128 random bits. Browsers have `randomUUID` only on pages that came by https or from this machine. */
function newKey(): string {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function baseOf(url: string): string {
  if (url !== "") {
    const parts = new URL(url);
    if (!/^https?:$/.test(parts.protocol) || parts.search || parts.hash) {
      throw new TypeError("baseUrl must be an http or https URL, as in https://awe.example.org");
    }
  }
  const base = url.replace(/\/+$/, "");
  return base.endsWith(PREFIX) ? base.slice(0, -PREFIX.length) : base;
}

function segment(name: string, value: unknown): string {
  const text = value === undefined || value === null ? "" : String(value);
  if (text === "" || text === "." || text === "..") throw new TypeError(`${name} cannot be ${JSON.stringify(text)}`);
  return encodeURIComponent(text);
}
