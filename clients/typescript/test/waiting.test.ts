/** Waiting for the end of a request: told by a stream, and without one. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import * as awe from "../src/index.js";
import { Blocks } from "../src/streaming.js";
import { envelope, type Fault, FaultyProxy, OwnServer, serverUrl, until, World } from "./support.js";

/** Whoever ends in time with this was told. */
const NEVER = awe.polling({ firstMs: 600_000, mostMs: 600_000 });
const OFTEN = awe.polling({ firstMs: 50, mostMs: 50 });
const SLOW = { timeout: 60_000 };
let world: World;
const ends: (() => Promise<void>)[] = [];

before(async () => {
  world = await World.make();
});
after(() => Promise.all(ends.map((end) => end())));

/** A client that counts its streams. */
function counting(
  baseUrl = serverUrl(),
  retry = {},
): { caller: awe.AweClient; streams: { opened: number; open: number } } {
  const streams = { opened: 0, open: 0 };
  const counted: typeof fetch = async (url, init) => {
    const answer = await fetch(url, init);
    if (!String(url).includes("/stream?") || !answer.ok || !answer.body) return answer;
    streams.opened += 1;
    streams.open += 1;
    const end = () => {
      streams.open -= 1;
    };
    const reader = answer.body.getReader();
    const body = new ReadableStream<Uint8Array>({
      async pull(to) {
        try {
          const { done, value } = await reader.read();
          if (!done) return to.enqueue(value);
          end();
          to.close();
        } catch (error) {
          end();
          to.error(error);
        }
      },
    });
    return new Response(body, { status: answer.status, headers: answer.headers });
  };
  return { caller: world.client(undefined, { baseUrl, fetch: counted, retry }), streams };
}

async function own(settings: Record<string, string> = {}): Promise<OwnServer> {
  const made = await OwnServer.make(settings);
  ends.push(() => made.kill());
  return made;
}

const waiting = (caller: awe.AweClient, id: string, fallBack: awe.Watcher) =>
  caller.waitUntilTerminal(id, { timeoutMs: 60_000, watcher: caller.streaming(fallBack) });

const create = async (name: string) => (await world.client().create(world.request(name))).request_id;

test("the end is told by a stream", SLOW, async () => {
  const id = await create("told");
  const { caller, streams } = counting();
  const ended = waiting(caller, id, NEVER);
  await until(() => streams.open === 1, "the stream is open");
  await world.approve(id);
  assert.equal((await ended).status, "approved");
  await until(() => streams.open === 0, "the stream is closed");
});

test("a server that is started again ends no wait", SLOW, async () => {
  const id = await create("again");
  const server = await own();
  const { caller, streams } = counting(server.url, { attempts: 1 });
  const ended = waiting(caller, id, OFTEN);
  await until(() => streams.open === 1, "the stream is open");
  await server.kill();
  await until(() => streams.open === 0, "the stream has ended");
  await server.startAgain();
  await until(() => streams.open === 1, "there is a stream again");
  assert.equal(streams.opened, 2);
  await world.approve(id);
  assert.equal((await ended).status, "approved");
});

test("past the limit of streams it asks", SLOW, async () => {
  const server = await own({ SERVER__MAX_STREAMS: "1" });
  const [first, second] = [await create("first"), await create("second")];
  const holder = counting(server.url);
  const other = counting(server.url);
  const told = waiting(holder.caller, first, NEVER);
  await until(() => holder.streams.open === 1, "the stream is open");
  const asking = waiting(other.caller, second, OFTEN);
  await world.approve(second);
  assert.equal((await asking).status, "approved");
  assert.equal(other.streams.opened, 0);
  await world.approve(first);
  assert.equal((await told).status, "approved");
});

async function askedForStreams(name: string, fault: Fault): Promise<number> {
  const proxy = await FaultyProxy.make({ times: 9, ...fault });
  ends.push(() => proxy.close());
  const id = await create(name);
  const ended = waiting(world.client(undefined, { baseUrl: proxy.url }), id, OFTEN);
  await until(() => proxy.asked.length > 5, "it asks again and again");
  await world.approve(id);
  assert.equal((await ended).status, "approved");
  return proxy.asked.filter((asked) => asked.path.includes("/stream")).length;
}

test("Retry-After is kept, and the request is asked for meanwhile", SLOW, async () => {
  const body = envelope("AWE-007", "too_many_streams");
  const full = { matches: /\/stream/, status: 503, headers: { "retry-after": "60" }, body };
  assert.equal(await askedForStreams("full", full), 1);
});

test("a server without streams is asked for none again", SLOW, async () => {
  assert.equal(await askedForStreams("old", { matches: /\/stream/, status: 404 }), 1);
  assert.equal(await askedForStreams("page", { matches: /\/stream/, status: 200, body: "<html>" }), 1);
});

test("it gives up in time, and can be aborted", SLOW, async () => {
  const id = await create("patience");
  const { caller, streams } = counting();
  for (const timeoutMs of [0, 300]) {
    await assert.rejects(caller.waitUntilTerminal(id, { timeoutMs }), awe.WaitTimeout);
  }
  await until(() => streams.open === 0, "the streams are closed");
  const aborting = new AbortController();
  const ended = caller.waitUntilTerminal(id, { signal: aborting.signal });
  await until(() => streams.open === 1, "the stream is open");
  aborting.abort(new Error("enough"));
  await assert.rejects(ended, /enough/);
  await until(() => streams.open === 0, "the stream is closed");
});

test("more waits than places end too", SLOW, async () => {
  const id = await create("crowd");
  const { caller, streams } = counting();
  const ended = Array.from({ length: 40 }, () => waiting(caller, id, OFTEN));
  await until(() => streams.open === 32, "all places are taken");
  await world.approve(id);
  for (const one of await Promise.all(ended)) assert.equal(one.status, "approved");
  assert.ok(streams.opened <= 33, "none past the bound");
});

test("blocks are told apart however they are cut", () => {
  const cases: [string, string[]][] = [
    [":\nid: BgAA\nretry: 2000\n\n", []],
    ['event: request_approved\nid: BgAB\ndata: {"event_id":"1"}\n\n', ["event"]],
    ['event: resume\r\nid: BgAB\r\ndata: {"reason":"stopping"}\r\n\r\n', ["resume"]],
  ];
  for (const [text, expected] of cases) {
    for (const size of [1, 2, 7, 1000]) {
      const blocks = new Blocks();
      const parts = text.match(new RegExp(`[^]{1,${size}}`, "g")) ?? [];
      assert.deepEqual(parts.map((part) => blocks.take(part)).filter(Boolean), expected);
      assert.equal(blocks.count, 1);
    }
  }
});
