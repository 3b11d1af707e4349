/**
 * Consumes events from NATS JetStream, at least once. Needs `@nats-io/jetstream`.
 *
 * Messages are not signed: ask `AweClient.confirm` before something irreversible follows from one.
 */

import { AckPolicy, DeliverPolicy, type JsMsg, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { pause, TRACED } from "./transport.js";
import { type AnyEvent, isKnown, parseEvent, UnreadableEvent } from "./webhooks/events.js";
import { MemorySeenStore, type SeenStore } from "./webhooks/seen.js";

/** A connection, as `connect` of `@nats-io/transport-node` makes it. */
export type Connection = Parameters<typeof jetstream>[0];

/** `traceparent` and `tracestate` of a message, as OpenTelemetry's `propagation.extract` reads them. */
export type Carrier = Record<string, string>;

/** Is called with each event once. When it throws or rejects, the event comes again. */
export type EventHandler = (event: AnyEvent, carrier: Carrier) => unknown;

export interface ConsumeOptions {
  /** The name under which the server keeps the place; processes with one name share the work. */
  durable: string;
  /** All when absent. */
  eventTypes?: readonly string[];
  /** All when absent. */
  artifactType?: string;
  /** Which events were handled; in memory when absent. */
  seen?: SeenStore;
  /** A consumer that does not exist yet begins with what comes from now on, not with the oldest that is kept. */
  onlyNew?: boolean;
  /** `nats.prefix` of the installation; `awe` when absent. */
  prefix?: string;
  /** Milliseconds after which another process gets an event whose handler has died; 30,000 when absent. */
  ackWaitMs?: number;
  /** Ends the consumer after the event at hand. */
  signal?: AbortSignal;
  /** Is told of handlers that failed, messages that are no event, and a stream that is away. */
  onError?: (error: unknown, about: string) => void;
}

const POLL_MS = 1_000;
const BUSY_MS = 5_000;
const MOST_DELAY_MS = 60_000;

/** The subjects that carry events of these types about this type of artifact. */
export function subjects(eventTypes?: readonly string[], artifactType?: string, prefix = "awe"): string[] {
  const artifact = artifactType === undefined ? "*" : artifactType.replace(/[^A-Za-z0-9_-]/gu, "_");
  return (eventTypes ?? ["*"]).map((one) => `${prefix}.events.${one}.${artifact}.*`);
}

/**
 * Hands each event to `handler`, one after the other in the order of the stream, and acknowledges it when the handler has
 * resolved; it should have committed by then. Resolves when `signal` is aborted; rejects when the connection is closed.
 *
 * When the handler fails the event comes again after a while that grows to a minute; later ones overtake it, so let
 * nothing with a lower `sequence` undo what a higher one did. A message that is no event is taken off.
 */
export async function consume(connection: Connection, handler: EventHandler, options: ConsumeOptions): Promise<void> {
  const { durable, prefix = "awe", ackWaitMs = 30_000, signal, onError = () => {} } = options;
  const stream = `${prefix.toUpperCase()}_EVENTS`;
  const wanted = subjects(options.eventTypes, options.artifactType, prefix);
  const config = {
    durable_name: durable,
    ack_policy: AckPolicy.Explicit,
    ack_wait: ackWaitMs * 1_000_000,
    deliver_policy: options.onlyNew ? DeliverPolicy.New : DeliverPolicy.All,
    ...(wanted.length === 1 ? { filter_subject: wanted[0] ?? "" } : { filter_subjects: wanted }),
  };
  const work: Work = { handler, seen: options.seen ?? new MemorySeenStore(), ackWaitMs, onError };
  if (options.artifactType !== undefined) work.artifactType = options.artifactType;
  const manager = await jetstreamManager(connection, { checkAPI: false });
  while (!signal?.aborted) {
    try {
      await manager.consumers.add(stream, config);
      const consumer = await jetstream(connection).consumers.get(stream, durable);
      for (let idle = 0; !signal?.aborted; ) {
        const message = await consumer.next({ expires: POLL_MS });
        idle = message ? 0 : idle + 1;
        if (message) await handle(message, work);
        else if (connection.isClosed()) throw new Error("the connection to NATS is closed");
        else if (idle % 30 === 0) await consumer.info(); // A consumer that is gone may be told by silence.
      }
    } catch (error) {
      if (connection.isClosed()) throw error;
      // JetStream or the stream is away. AWE makes the stream anew and publishes again what was lost.
      onError(error, "events cannot be fetched");
      await pause(POLL_MS, signal).catch(() => {});
    }
  }
}

interface Work {
  handler: EventHandler;
  seen: SeenStore;
  ackWaitMs: number;
  artifactType?: string;
  onError: (error: unknown, about: string) => void;
}

async function handle(message: JsMsg, { handler, seen, ackWaitMs, artifactType, onError }: Work): Promise<void> {
  let event: AnyEvent;
  try {
    event = parseEvent(message.data);
    const named = message.headers?.get("Nats-Msg-Id") || event.event_id;
    if (named !== event.event_id) throw new UnreadableEvent("Nats-Msg-Id is another than event_id");
  } catch (error) {
    onError(error, `a message on ${message.subject} is no event`);
    message.term();
    return;
  }
  // Types that differ only in characters a subject cannot have share one.
  if (artifactType !== undefined && isKnown(event) && event.artifact_type !== artifactType) {
    message.ack();
    return;
  }
  const state = await seen.begin(event.event_id);
  if (state === "done") {
    message.ack();
    return;
  }
  if (state === "busy") {
    message.nak(BUSY_MS);
    return;
  }
  const telling = setInterval(() => message.working(), ackWaitMs / 2);
  try {
    await handler(event, carrierOf(message));
  } catch (error) {
    await seen.forget(event.event_id);
    onError(error, `the handler failed on event ${event.event_id}`);
    message.nak(Math.min(MOST_DELAY_MS, 1_000 * 2 ** Math.min(message.info.deliveryCount - 1, 10)));
    return;
  } finally {
    clearInterval(telling);
  }
  await seen.done(event.event_id);
  message.ack();
}

function carrierOf({ headers }: JsMsg): Carrier {
  return Object.fromEntries(TRACED.map((name) => [name, headers?.get(name) ?? ""]).filter(([, said]) => said));
}
