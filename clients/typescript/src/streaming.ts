/** Learns by server-sent events that a request has ended, and by asking again where they cannot be had. */

import { millisecondsOf } from "./errors.js";
import type { Transport } from "./transport.js";
import { polling, type Watch, type Watcher } from "./waiting.js";

/** The server says every 15 s that it is there; a stream that says nothing for longer than this is dead. */
const SILENCE_MS = 45_000;
/** What a line is told by; more of it is not kept. */
const TOLD_BY = 32;
const ENDS = "request_approved,request_rejected,request_cancelled,request_expired";

/** Finds the events in server-sent text. What they say is not kept: the request itself is asked for. */
export class Blocks {
  #line = "";
  #hasData = false;
  #resumes = false;
  /** How many blocks have ended. */
  count = 0;

  /** The most telling block that ends in this part. */
  take(part: string): "event" | "resume" | undefined {
    let found: "event" | "resume" | undefined;
    const [first = "", ...others] = part.replaceAll("\r", "").split("\n");
    this.#grow(first);
    for (const line of others) {
      found = this.#endLine() ?? found;
      this.#grow(line);
    }
    return found;
  }

  #grow(part: string): void {
    this.#line += part.slice(0, TOLD_BY - this.#line.length);
  }

  #endLine(): "event" | "resume" | undefined {
    const line = this.#line;
    this.#line = "";
    if (line !== "") {
      this.#hasData ||= line.startsWith("data");
      this.#resumes ||= line === "event: resume";
      return undefined;
    }
    this.count += 1;
    const found = this.#hasData ? (this.#resumes ? "resume" : "event") : undefined;
    this.#hasData = false;
    this.#resumes = false;
    return found;
  }
}

/**
 * Follows the stream of a request's events. While there is no stream, since the server is away, has no place for one more
 * (503, 429) or is older, `fallBack` says when to ask, and the stream is tried again after what `Retry-After` says.
 */
export function streaming(transport: Transport, fallBack: Watcher = polling()): Watcher {
  return (requestId) => new Following(transport, requestId, fallBack);
}

class Following implements Watch {
  readonly #transport: Transport;
  readonly #requestId: string;
  readonly #fallBack: Watcher;
  #pauses: Watch;
  #stream: Stream | undefined;
  /** Infinity: the server has no streams. */
  #notBefore = 0;

  constructor(transport: Transport, requestId: string, fallBack: Watcher) {
    this.#transport = transport;
    this.#requestId = requestId;
    this.#fallBack = fallBack;
    this.#pauses = fallBack(requestId);
  }

  async wait(milliseconds: number, signal?: AbortSignal): Promise<void> {
    const until = performance.now() + milliseconds;
    if (this.#stream) {
      const told = await this.#stream.hears(milliseconds, signal);
      if (told === "news") return;
      // A stream that has lived: what comes is a new trouble.
      if (told === "end") this.#pauses = this.#fallBack(this.#requestId);
      this.close();
    } else if (performance.now() >= this.#notBefore && (await this.#follow(milliseconds, signal))) {
      return; // What happened before it began is not in it, so the request is looked at once more.
    }
    await this.#pauses.wait(Math.max(0, until - performance.now()), signal);
  }

  close(): void {
    this.#stream?.close();
    this.#stream = undefined;
  }

  async #follow(milliseconds: number, signal?: AbortSignal): Promise<boolean> {
    const { places } = this.#transport;
    if (!places.take()) return false;
    const ending = new AbortController();
    try {
      const query = new URLSearchParams({ request_id: this.#requestId, types: ENDS });
      const response = await this.#transport.follow(query, milliseconds, ending, signal);
      if (response.ok && response.body && /^text\/event-stream\b/.test(response.headers.get("content-type") ?? "")) {
        this.#stream = new Stream(response.body.getReader(), ending, () => places.giveBack());
        return true;
      }
      const { status } = response;
      const passes = status === 401 || status === 408 || status === 429 || status >= 500;
      const after = millisecondsOf(response.headers.get("retry-after")) ?? 0;
      this.#notBefore = passes ? performance.now() + after : Number.POSITIVE_INFINITY;
    } catch (error) {
      if (signal?.aborted) throw error;
      // The request is asked for in any case, and tells what is wrong.
    } finally {
      if (!this.#stream) {
        ending.abort();
        places.giveBack();
      }
    }
    return false;
  }
}

class Stream {
  readonly #blocks = new Blocks();
  readonly #decoder = new TextDecoder();

  constructor(
    readonly reader: ReadableStreamDefaultReader<Uint8Array>,
    readonly ending: AbortController,
    readonly giveBack: () => void,
  ) {}

  /** `end` and `nothing`: it has ended, or nothing came in time; `end` when it had lived before. */
  async hears(milliseconds: number, signal?: AbortSignal): Promise<"news" | "end" | "nothing"> {
    const until = performance.now() + milliseconds;
    const stop = () => this.ending.abort();
    signal?.addEventListener("abort", stop, { once: true });
    try {
      for (;;) {
        const timer = setTimeout(stop, Math.min(SILENCE_MS, Math.max(0, until - performance.now())));
        const { done, value } = await this.reader.read().finally(() => clearTimeout(timer));
        const told = done ? "resume" : this.#blocks.take(this.#decoder.decode(value, { stream: true }));
        if (told === "event") return "news";
        if (told === "resume") break;
      }
    } catch {
      signal?.throwIfAborted();
    } finally {
      signal?.removeEventListener("abort", stop);
    }
    return this.#blocks.count > 1 ? "end" : "nothing";
  }

  close(): void {
    this.giveBack();
    this.ending.abort();
  }
}
