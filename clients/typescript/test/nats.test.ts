/** Events that a running server publishes on NATS. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { type AnyEvent, FINAL_STATUSES, MemorySeenStore, type WebhookEvent } from "../src/index.js";
import { type Carrier, type Connection, type ConsumeOptions, consume, subjects } from "../src/nats.js";
import { all, natsUrl, World } from "./support.js";

let connection: Connection;
let world: World;
const durables: string[] = [];

before(async () => {
  connection = await connect({ servers: natsUrl() });
  world = await World.make();
});
after(async () => {
  const manager = await jetstreamManager(connection);
  for (const one of durables) await manager.consumers.delete("AWE_EVENTS", one);
  await connection.close();
});

function durable(): string {
  durables.push(`test-${crypto.randomUUID()}`);
  return durables.at(-1) ?? "";
}

async function make(artifactId: string, kind = world): Promise<string> {
  const made = await kind.client().create(kind.request(artifactId));
  await kind.approve(made.request_id);
  return made.request_id;
}

/** Consumes until `enough` answers true; rejects after 20 s. */
async function consumeUntil(
  handler: (event: WebhookEvent, carrier: Carrier) => unknown,
  enough: () => boolean,
  options: Partial<ConsumeOptions> & { durable: string },
): Promise<void> {
  const stop = new AbortController();
  const late = setTimeout(() => stop.abort(new Error("late")), 20_000);
  const watched = async (event: AnyEvent, carrier: Carrier) => {
    try {
      await handler(event as WebhookEvent, carrier);
    } finally {
      if (enough()) stop.abort();
    }
  };
  await consume(connection, watched, { artifactType: world.kind, signal: stop.signal, ...options });
  clearTimeout(late);
  assert.ok(enough(), "not within 20 s");
}

test("subjects say types and artifact", () => {
  assert.deepEqual(subjects(), ["awe.events.*.*.*"]);
  assert.deepEqual(subjects(["a", "b"], "x.y é"), ["awe.events.a.x_y__.*", "awe.events.b.x_y__.*"]);
  assert.deepEqual(subjects(undefined, undefined, "p"), ["p.events.*.*.*"]);
});

test("events come in order, the place is kept, and AWE confirms them", async () => {
  const found: WebhookEvent[] = [];
  const isOver = (id: string) => () => found.some((one) => one.request_id === id && FINAL_STATUSES.has(one.status));
  const name = durable();
  const first = await make("first");
  await consumeUntil((event) => found.push(event), isOver(first), { durable: name });
  const told = (await all(world.client().events(first))).map((one) => one.id);
  assert.deepEqual(
    found.map((one) => one.event_id),
    told,
  );
  const second = await make("second");
  await consumeUntil((event) => found.push(event), isOver(second), { durable: name });
  assert.equal(found.filter((one) => one.request_id === first).length, told.length);
  const last = found.at(-1);
  assert.ok(last);
  assert.equal(await world.client().confirm(last), true);
  assert.equal(await world.client().confirm({ ...last, event_id: crypto.randomUUID() }), false);
  assert.equal(await world.client().confirm({ ...last, sequence: 99 }), false);
});

test("types can be chosen, and what was seen is not handled again", async () => {
  const other = await World.make();
  const found: WebhookEvent[] = [];
  const id = await make("chosen", other);
  const seen = new MemorySeenStore();
  for (const one of await all(other.client().events(id))) if (one.event_type === "stage_started") seen.done(one.id);
  const eventTypes = ["request_created", "stage_started", "request_approved"];
  const options = { durable: durable(), eventTypes, seen, artifactType: other.kind };
  await consumeUntil(
    (event) => found.push(event),
    () => found.length === 2,
    options,
  );
  assert.deepEqual(
    found.map((one) => one.event_type),
    ["request_created", "request_approved"],
  );
});

test("an event belongs to the trace of the call that caused it", async () => {
  const other = await World.make();
  const traceId = crypto.randomUUID().replaceAll("-", "");
  const said = { traceparent: `00-${traceId}-00f067770b7902b7-01`, tracestate: "vendor=1" };
  await other
    .client(other.caller, { trace: (carrier) => Object.assign(carrier, said) })
    .create(other.request("traced"));
  const found: Carrier[] = [];
  await consumeUntil(
    (_event, carrier) => found.push(carrier),
    () => found.length > 0,
    { durable: durable(), artifactType: other.kind },
  );
  assert.equal(found[0]?.traceparent?.slice(3, 35), traceId);
  assert.equal(found[0]?.tracestate, "vendor=1");
});

test("an event whose handler fails comes again", async () => {
  const other = await World.make();
  await make("failing", other);
  const tried: string[] = [];
  const told: string[] = [];
  const handler = async (event: WebhookEvent) => {
    tried.push(event.event_id);
    if (tried.length === 1) throw new Error("on purpose");
  };
  const onError = (_error: unknown, about: string) => told.push(about);
  const options = { durable: durable(), eventTypes: ["request_approved"], artifactType: other.kind, onError };
  await consumeUntil(handler, () => tried.length === 2, options);
  assert.equal(tried[0], tried[1]);
  assert.deepEqual(told, [`the handler failed on event ${tried[0]}`]);
});

test("what is no event is taken off", async () => {
  const other = await World.make();
  const [subject = ""] = subjects(["request_created"], other.kind);
  connection.publish(subject.replace(/\*$/, "x"), "not json");
  await connection.flush();
  await make("after", other);
  const found: WebhookEvent[] = [];
  const told: string[] = [];
  const onError = (_error: unknown, about: string) => told.push(about);
  const options = { durable: durable(), eventTypes: ["request_created"], artifactType: other.kind, onError };
  await consumeUntil(
    (event) => found.push(event),
    () => found.length === 1,
    options,
  );
  assert.match(told.join(), /^a message on .* is no event$/);
});

test("a consumer that was deleted is made anew", async () => {
  const other = await World.make();
  const first = await make("first", other);
  const name = durable();
  const found: string[] = [];
  const handler = async (event: WebhookEvent) => {
    found.push(event.request_id);
    if (found.length > 1) return;
    await (await jetstreamManager(connection)).consumers.delete("AWE_EVENTS", name);
    await make("second", other);
  };
  const options = { durable: name, eventTypes: ["request_approved"], artifactType: other.kind };
  await consumeUntil(handler, () => found.length === 2, options);
  assert.equal(found[0], first);
  assert.notEqual(found[1], first);
});

test("a closed connection ends it", async () => {
  const other = await connect({ servers: natsUrl() });
  setTimeout(() => other.close(), 500);
  await assert.rejects(consume(other, () => {}, { durable: durable(), artifactType: world.kind }));
});
