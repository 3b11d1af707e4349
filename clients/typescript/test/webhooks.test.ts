/** Webhooks against schemas/webhook-vectors.json, and what no vector can say. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  HINTS,
  isKnown,
  MemorySeenStore,
  Receiver,
  signForTest,
  VerificationError,
  verify,
} from "../src/webhooks/index.js";
import { vectors } from "./support.js";

const FILE = vectors();
const SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const BARE = { event_id: "e-1", event_type: "request_novelty" };

async function outcome(one: (typeof FILE.cases)[number]): Promise<Record<string, unknown>> {
  try {
    const { tolerance, now } = one;
    const event = await verify(Buffer.from(one.body_base64, "base64"), one.headers, one.secrets, { tolerance, now });
    return { event_id: event.event_id, event_type: event.event_type, known: isKnown(event) };
  } catch (error) {
    if (!(error instanceof VerificationError)) throw error;
    return { error: error.kind, hint: error.hint ?? null };
  }
}

test("every vector has the outcome that it names", async () => {
  assert.ok(FILE.cases.length > 100);
  for (const one of FILE.cases) assert.deepEqual(await outcome(one), one.expect, one.name);
});

test("every hint has a vector", () => {
  const found = new Set(FILE.cases.map((one) => one.expect.hint).filter(Boolean));
  assert.deepEqual([...found].sort(), Object.keys(HINTS).sort());
});

test("signatures are those of the vectors", async () => {
  for (const row of FILE.signing) {
    const raw = Buffer.from(row.body_base64, "base64");
    const { body, headers } = await signForTest(raw, row.secrets, { eventId: row.event_id, timestamp: row.timestamp });
    assert.deepEqual(Buffer.from(body), raw);
    const wanted = Object.entries(row.headers).map(([name, value]) => [name.toLowerCase(), value]);
    assert.deepEqual(headers, { ...Object.fromEntries(wanted), "content-type": "application/json" });
  }
});

test("headers may be those of fetch and of Node, and the body a text", async () => {
  const { body, headers } = await signForTest(BARE, SECRET);
  assert.equal((await verify(body, new Headers(headers), SECRET)).event_id, "e-1");
  assert.equal((await verify(new TextDecoder().decode(body), headers, SECRET)).event_id, "e-1");
  assert.equal((await verify(body.buffer, headers, [SECRET])).event_id, "e-1");
  const lists = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]]));
  assert.equal((await verify(body, { ...lists, absent: undefined }, SECRET)).event_id, "e-1");
});

test("the clock is asked when no time is given", async () => {
  const timestamp = Math.floor(Date.now() / 1000) - 301;
  const { body, headers } = await signForTest(BARE, SECRET, { timestamp });
  await assert.rejects(verify(body, headers, SECRET), { kind: "too_old" });
  await verify(body, headers, SECRET, { tolerance: 310 });
});

test("arguments of no use are told as such", async () => {
  const { body, headers } = await signForTest(BARE, SECRET);
  await assert.rejects(verify(BARE as unknown as string, headers, SECRET), /not a parsed object/);
  await assert.rejects(verify(body, headers, []), { kind: "bad_secret" });
  for (const tolerance of [Number.NaN, Number.POSITIVE_INFINITY, -1]) {
    await assert.rejects(verify(body, headers, SECRET, { tolerance }), RangeError);
  }
});

test("a refusal repeats neither secret nor signature", async () => {
  const { body, headers } = await signForTest(BARE, SECRET);
  const other = `whsec_${Buffer.alloc(32, "x").toString("base64")}`;
  const error = await verify(body, headers, other).catch((refused) => refused);
  for (const word of [other.slice(6), headers["webhook-signature"], headers["x-approval-signature"]]) {
    assert.ok(word && !error.message.includes(word));
  }
});

test("an event is new, busy and done, and a forgotten one is new", () => {
  let now = 0;
  const store = new MemorySeenStore({ most: 2, leaseMs: 10, clock: () => now });
  assert.deepEqual([store.begin("a"), store.begin("a")], ["new", "busy"]);
  now = 10;
  assert.equal(store.begin("a"), "new");
  store.done("a");
  assert.equal(store.begin("a"), "done");
  store.begin("b");
  store.forget("b");
  assert.equal(store.begin("b"), "new");
  store.begin("c");
  assert.equal(store.size, 2);
  assert.equal(store.begin("a"), "new");
});

test("the second delivery is answered and not handled", async () => {
  const receiver = new Receiver({ secrets: SECRET });
  const { body, headers } = await signForTest(BARE, SECRET);
  const handled: unknown[] = [];
  const handler = (event: unknown) => handled.push(event);
  assert.equal((await receiver.handle(body, headers, handler)).status, 200);
  assert.equal((await receiver.handle(body, headers, handler)).status, 200);
  assert.equal(handled.length, 1);
  assert.deepEqual(await receiver.handle(`${new TextDecoder().decode(body)} `, headers, handler), {
    status: 401,
    text: "no_match",
    headers: {},
  });
});

test("a handler that fails gets the event again, and one that runs keeps others waiting", async () => {
  const receiver = new Receiver({ secrets: SECRET });
  const { body, headers } = await signForTest(BARE, SECRET);
  await assert.rejects(
    receiver.handle(body, headers, () => Promise.reject(new Error("not now"))),
    /not now/,
  );
  let inner: unknown;
  const reply = await receiver.handle(body, headers, async () => {
    inner = await receiver.handle(body, headers, () => {});
  });
  assert.equal(reply.status, 200);
  assert.deepEqual(inner, { status: 503, text: "is being handled", headers: { "retry-after": "5" } });
});

test("a body without bound is cut off", async () => {
  const receiver = new Receiver({ secrets: SECRET });
  const request = (length: number) =>
    new Request("http://127.0.0.1/", { method: "POST", body: new Uint8Array(length) });
  assert.equal((await receiver.respond(request(4 * 1024 * 1024 + 1), () => {})).status, 413);
  assert.equal((await receiver.respond(request(4 * 1024 * 1024), () => {})).status, 400);
});
