/** Lets `npm run dev:mock` answer calls of the API itself. */

import type { IncomingMessage } from "node:http";
import type { Plugin } from "vite";
import { Backend } from "./backend.ts";

export function mock(): Plugin {
  const backend = new Backend();
  return {
    name: "awe-mock",
    configureServer(server) {
      server.middlewares.use("/v1/awe", async (incoming, outgoing) => {
        const answer = await backend.answer(await asRequest(incoming));
        outgoing.writeHead(answer.status, Object.fromEntries(answer.headers));
        outgoing.end(Buffer.from(await answer.arrayBuffer()));
      });
    },
  };
}

async function asRequest(incoming: IncomingMessage & { originalUrl?: string }): Promise<Request> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const method = incoming.method ?? "GET";
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers)) if (typeof value === "string") headers.set(name, value);
  const url = new URL(incoming.originalUrl ?? incoming.url ?? "/", "http://mock");
  return new Request(url, { method, headers, ...(chunks.length > 0 ? { body: Buffer.concat(chunks) } : {}) });
}
