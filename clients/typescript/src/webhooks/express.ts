/** Webhooks in Express: `app.post("/hooks", webhook({ secrets }, handler))`, before any `express.json()`. */

import { collect, type Handler, Receiver, type ReceiverOptions } from "./receiver.js";

/** What is needed of Node's and Express's request. */
export interface NodeRequest extends AsyncIterable<Uint8Array> {
  rawHeaders: string[];
  body?: unknown;
}

/** What is needed of Node's and Express's response. */
export interface NodeResponse {
  statusCode: number;
  setHeader(name: string, value: string): unknown;
  end(text: string): unknown;
}

/**
 * A request handler that hands each event to `handler` once. It reads the body itself, or takes the Buffer of
 * `express.raw({ type: "*\/*" })`; with a body that was parsed before, it fails with a TypeError that says so.
 */
export function webhook(
  options: ReceiverOptions,
  handler: Handler,
): (request: NodeRequest, response: NodeResponse, next: (error?: unknown) => void) => Promise<void> {
  const receiver = new Receiver(options);
  return async (request, response, next) => {
    try {
      const raw = await bodyOf(request);
      if (raw === undefined) {
        response.statusCode = 413;
        response.end("");
        return;
      }
      const reply = await receiver.handle(raw, pairsOf(request.rawHeaders), handler);
      response.statusCode = reply.status;
      for (const [name, value] of Object.entries(reply.headers)) response.setHeader(name, value);
      response.end(reply.text);
    } catch (error) {
      next(error);
    }
  };
}

/** The headers as they came: Node joins what is there twice. */
export function pairsOf(raw: readonly string[]): [string, string][] {
  return Array.from({ length: raw.length / 2 }, (_, index) => [raw[2 * index] ?? "", raw[2 * index + 1] ?? ""]);
}

/** The body as it came; undefined when it is longer than MOST_BYTES. */
async function bodyOf(request: NodeRequest): Promise<Uint8Array | undefined> {
  if (request.body instanceof Uint8Array) return request.body;
  if (typeof request.body === "object" && request.body !== null) {
    throw new TypeError("the body was parsed before: put the webhook before express.json(), or use express.raw()");
  }
  return collect(request);
}
