/** Webhooks in Fastify: `app.register(webhook({ secrets, path: "/hooks" }, handler))`. */

import { pairsOf } from "./express.js";
import { type Handler, MOST_BYTES, Receiver, type ReceiverOptions } from "./receiver.js";

/** What is needed of a Fastify instance. */
export interface FastifyLike {
  removeAllContentTypeParsers(): unknown;
  addContentTypeParser(
    contentType: string,
    options: { parseAs: "buffer"; bodyLimit: number },
    parser: (request: unknown, body: Uint8Array, done: (error: Error | null, body?: unknown) => void) => void,
  ): unknown;
  post(path: string, handler: (request: RequestLike, reply: ReplyLike) => Promise<unknown>): unknown;
}

interface RequestLike {
  body: unknown;
  raw: { rawHeaders: string[] };
}

interface ReplyLike {
  code(status: number): ReplyLike;
  headers(values: Record<string, string>): ReplyLike;
  send(text: string): unknown;
}

/** A plugin with one route that hands each event to `handler` once. Parsers of the rest of the app stay as they are. */
export function webhook(
  { path, ...options }: ReceiverOptions & { path: string },
  handler: Handler,
): (app: FastifyLike) => Promise<void> {
  const receiver = new Receiver(options);
  return async (app) => {
    app.removeAllContentTypeParsers();
    const how = { parseAs: "buffer", bodyLimit: MOST_BYTES } as const;
    app.addContentTypeParser("*", how, (_request, body, done) => done(null, body));
    app.post(path, async (request, reply) => {
      const raw = request.body instanceof Uint8Array ? request.body : new Uint8Array();
      const answer = await receiver.handle(raw, pairsOf(request.raw.rawHeaders), handler);
      return reply.code(answer.status).headers(answer.headers).send(answer.text);
    });
  };
}
