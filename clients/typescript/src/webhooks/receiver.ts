/** What an endpoint for webhooks does, whatever the framework: verify, drop what was seen, hand on, answer. */

import type { AnyEvent } from "./events.js";
import { MemorySeenStore, type SeenStore } from "./seen.js";
import { type HeadersLike, VerificationError, verify } from "./verify.js";

/** Longest body that is read, in bytes. AWE's are far shorter. */
export const MOST_BYTES = 4 * 1024 * 1024;
/** Seconds after which AWE shall send an event again that is being handled. */
const BUSY_SECONDS = 5;

/** Is called with each event once. When it throws or rejects, AWE sends the event again. */
export type Handler = (event: AnyEvent) => unknown;

/** What to answer with. */
export interface Reply {
  status: number;
  text: string;
  headers: Record<string, string>;
}

export interface ReceiverOptions {
  /** One, or several while one is rotated. */
  secrets: string | readonly string[];
  /** Where handled events are remembered; in memory when absent. */
  seen?: SeenStore;
  /** Seconds that the timestamp may lie off; 300 when absent. */
  tolerance?: number;
}

/** Verifies webhooks and hands each event to a handler once. */
export class Receiver {
  readonly #options: ReceiverOptions;
  readonly #seen: SeenStore;

  constructor(options: ReceiverOptions) {
    this.#options = options;
    this.#seen = options.seen ?? new MemorySeenStore();
  }

  /** Calls the handler with the event; resolves with what to answer. Rejects with what the handler throws. */
  async handle(raw: Uint8Array | ArrayBuffer | string, headers: HeadersLike, handler: Handler): Promise<Reply> {
    let event: AnyEvent;
    try {
      event = await verify(raw, headers, this.#options.secrets, { tolerance: this.#options.tolerance ?? 300 });
    } catch (error) {
      // It says the kind and no more; the message is for the log.
      if (error instanceof VerificationError) return { status: error.status, text: error.kind, headers: {} };
      throw error;
    }
    const state = await this.#seen.begin(event.event_id);
    if (state === "done") return { status: 200, text: "seen before", headers: {} };
    if (state === "busy") {
      return { status: 503, text: "is being handled", headers: { "retry-after": String(BUSY_SECONDS) } };
    }
    try {
      await handler(event);
    } catch (error) {
      await this.#seen.forget(event.event_id);
      throw error;
    }
    await this.#seen.done(event.event_id);
    return { status: 200, text: "ok", headers: {} };
  }

  /** The same for a fetch `Request`, as Deno, Bun, workers and Hono have it. The body must not have been read. */
  async respond(request: Request, handler: Handler): Promise<Response> {
    // Node, Deno and Bun can iterate over a body; the types of the DOM do not say so everywhere.
    const raw = request.body ? await collect(request.body as unknown as AsyncIterable<Uint8Array>) : new Uint8Array();
    if (raw === undefined) return new Response("", { status: 413 });
    const reply = await this.handle(raw, request.headers, handler);
    return new Response(reply.text, { status: reply.status, headers: reply.headers });
  }
}

/** The whole of a body; undefined when it is longer than MOST_BYTES. */
export async function collect(parts: AsyncIterable<Uint8Array>): Promise<Uint8Array | undefined> {
  const found: Uint8Array[] = [];
  let length = 0;
  for await (const part of parts) {
    length += part.length;
    if (length > MOST_BYTES) return undefined;
    found.push(part);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of found) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
