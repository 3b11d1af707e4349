/** Webhooks in Hono: `app.post("/hooks", webhook({ secrets }, handler))`. */

import { type Handler, Receiver, type ReceiverOptions } from "./receiver.js";

/** A handler of Hono that hands each event to `handler` once. */
export function webhook(
  options: ReceiverOptions,
  handler: Handler,
): (context: { req: { raw: Request } }) => Promise<Response> {
  const receiver = new Receiver(options);
  return (context) => receiver.respond(context.req.raw, handler);
}
