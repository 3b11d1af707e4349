/** The client, on a running server. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fromAnswer, millisecondsOf } from "../src/errors.js";
import * as awe from "../src/index.js";
import {
  all,
  CREATE,
  envelope,
  type Fault,
  FaultyProxy,
  overloaded,
  QUICK,
  serverUrl,
  token,
  World,
} from "./support.js";

const NOBODY = "0199c1f2-7c1e-7d3a-9a55-3f6d6c1b2a10";
let world: World;
const proxies: FaultyProxy[] = [];

before(async () => {
  world = await World.make();
});
after(() => Promise.all(proxies.map((one) => one.close())));

async function proxy(...faults: Fault[]): Promise<FaultyProxy> {
  const made = await FaultyProxy.make(...faults);
  proxies.push(made);
  return made;
}

const behind = (one: FaultyProxy, more: Partial<awe.ClientOptions> = {}, subject?: string) =>
  world.client(subject, { baseUrl: one.url, ...more });

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => assert.fail("it did not fail"),
    (error) => error,
  );

test("a request is created, claimed, decided and ends", async () => {
  const caller = world.client();
  const approver = world.client(world.approver);
  const made = await caller.create(world.request("life"));
  assert.deepEqual([made.status, made.replayed, made.tasks.length], ["in_review", false, 1]);
  const task = (await all(approver.tasks({ request_id: made.request_id })))[0];
  assert.ok(task);
  assert.equal((await approver.claim(task.id)).status, "claimed");
  const decision = await approver.decide(task.id, { action: "approve", comment: "Fine ✓" });
  assert.deepEqual([decision.actor, decision.comment], [world.approver, "Fine ✓"]);
  assert.equal((await caller.waitUntilTerminal(made.request_id, { timeoutMs: 10_000 })).status, "approved");
  const events = await all(caller.events(made.request_id));
  assert.deepEqual(
    events.map((one) => one.sequence),
    events.map((_, index) => index + 1),
  );
  assert.equal(events.at(-1)?.event_type, "request_approved");
  assert.equal((await all(caller.events(made.request_id, 2))).length, events.length - 2);
});

test("a cancelled request says so", async () => {
  const made = await world.client().create(world.request("cancel"));
  assert.equal((await world.client().cancel(made.request_id, "withdrawn")).status, "cancelled");
  const error = await failure(world.client().cancel(made.request_id));
  assert.ok(error instanceof awe.Conflict);
  assert.equal(error.reason, "request_finished");
});

test("pages are followed to the end", async () => {
  const caller = world.client();
  for (let number = 0; number < 5; number++) await caller.create(world.request("many"));
  const filters = { artifact_type: world.kind, artifact_id: "many", limit: 2 };
  const first = await caller.list(filters);
  assert.equal(first.items.length, 2);
  assert.ok(first.nextCursor);
  assert.equal(new Set((await all(caller.iterate(filters))).map((one) => one.id)).size, 5);
  const approver = world.client(world.approver);
  const tasks = await all(approver.tasks({ artifact_type: world.kind, page_size: 2 }));
  assert.ok(tasks.length >= 5);
  assert.equal(new Set(tasks.map((one) => one.id)).size, tasks.length);
});

test("any list can be followed", async () => {
  const made = await world.client().create(world.request("lists", { callback_url: "http://127.0.0.1:9/" }));
  await world.client().cancel(made.request_id);
  const query = { request_id: made.request_id, limit: 1 };
  const found = (await all(world.admin.every("list_deliveries", { query }))).map((one) => one.event_type);
  assert.ok(found.includes("request_cancelled") && found.length > 1);
  assert.equal(new Set(found).size, found.length);
});

test("waiting ends when somebody decides, gives up in time, and can be aborted", async () => {
  const caller = world.client();
  const made = await caller.create(world.request("wait"));
  const watcher = awe.polling({ firstMs: 50, mostMs: 200 });
  const late = await failure(caller.waitUntilTerminal(made.request_id, { timeoutMs: 300, watcher }));
  assert.ok(late instanceof awe.WaitTimeout);
  assert.equal(late.status, "in_review");
  const signal = AbortSignal.timeout(100);
  assert.equal((await failure(caller.waitUntilTerminal(made.request_id, { signal }))).name, "TimeoutError");
  let closed = 0;
  const told: awe.Watcher = () => ({ wait: () => world.approve(made.request_id), close: () => void closed++ });
  assert.equal((await caller.waitUntilTerminal(made.request_id, { watcher: told })).status, "approved");
  assert.equal(closed, 1);
});

test("whoever comes second is told by the version that was read", async () => {
  const { admin, policy } = world;
  const draft = await admin.call("add_policy_version", { path: { policy_key: policy }, body: world.body("Draft") });
  const path = { policy_key: policy, version: draft.version };
  const read = await admin.policy(policy, draft.version);
  assert.deepEqual(read.value, draft);
  assert.ok(read.etag);
  const header = { "If-Match": read.etag };
  await admin.call("update_policy_version", { path, header, body: world.body("Theirs") });
  const late = await failure(admin.call("update_policy_version", { path, header, body: world.body("Mine") }));
  assert.ok(late instanceof awe.PreconditionFailed);
  assert.deepEqual([late.status, late.code, late.retry], [412, "AWE-013", "no"]);
  const stale = admin.call("activate_policy_version", { path, header });
  assert.ok((await failure(stale)) instanceof awe.PreconditionFailed);
  const newest = { "If-Match": (await admin.policy(policy, draft.version)).etag ?? "" };
  const active = await admin.call("activate_policy_version", { path, header: newest });
  assert.deepEqual([active.status, active.name], ["active", "Theirs"]);
});

test("several tasks are decided at once, each for itself", async () => {
  const made = await world.client().create(world.request("many"));
  const item = { task_id: made.tasks[0]?.id ?? "", action: "approve" as const, artifact_digest: "sha256:9f86d0" };
  const told = await world.client(world.approver).decideMany([item, { ...item, task_id: NOBODY }]);
  assert.deepEqual(
    told.results.map((one) => one.status),
    [201, 404],
  );
});

test("an error says code, reason and retry", async () => {
  const error = await failure(world.client().get(NOBODY));
  assert.ok(error instanceof awe.NotFound);
  assert.deepEqual([error.status, error.code, error.reason], [404, "AWE-003", "unknown_request"]);
  assert.equal(error.isRetryable, false);
  assert.ok(error.requestId);
  const wrong = await failure(world.client().create({ ...world.request(), artifact_id: 7 as unknown as string }));
  assert.ok(wrong instanceof awe.InvalidRequest);
  assert.equal(wrong.detail[0]?.loc.at(-1), "artifact_id");
  assert.ok((await failure(world.client().withToken(undefined).list())) instanceof awe.AuthenticationError);
  assert.ok((await failure(world.client().call("list_policies", {}))) instanceof awe.PermissionDenied);
});

test("a reason of tomorrow is judged by its status", () => {
  for (const [status, retry] of [
    [409, "no"],
    [429, "yes"],
    [503, "with_key"],
    [500, "with_key"],
  ] as const) {
    for (const reason of ["novelty", "constructor"]) {
      const error = fromAnswer(status, envelope("AWE-099", reason), new Headers());
      assert.deepEqual([error.reason, error.retry], [reason, retry]);
    }
  }
  assert.equal(fromAnswer(503, envelope("AWE-007", "no_directory"), new Headers()).retry, "no");
});

test("an answer of a proxy is an error too", async () => {
  const gateway = await proxy({ matches: /GET/, status: 502, body: "<html>", times: 9 });
  const error = await failure(behind(gateway).list());
  assert.ok(error instanceof awe.Unavailable);
  assert.deepEqual([error.code, gateway.asked.length], ["", 4]);
  const login = await proxy({ matches: /GET/, status: 302, headers: { location: "/login" } });
  assert.match((await failure(behind(login).list())).message, /redirect/);
  const page = await proxy({ matches: /GET/, status: 200, body: "<html>" });
  assert.ok((await failure(behind(page).list())) instanceof awe.UnexpectedAnswer);
});

test("a lost answer of a create makes one request", async () => {
  const broken = await proxy({ matches: CREATE, lost: true, times: 2 });
  const made = await behind(broken).create(world.request("lost"));
  assert.equal(broken.asked.length, 3);
  assert.deepEqual(new Set(broken.asked.map((one) => one.headers["idempotency-key"])), new Set([made.idempotencyKey]));
  assert.ok(made.replayed);
  assert.deepEqual(await world.requestsOf("lost"), [made.request_id]);
});

test("a create that never got an answer tells its key", async () => {
  const broken = await proxy({ matches: CREATE, lost: true, times: 9 });
  const error = await failure(behind(broken).create(world.request("key")));
  assert.ok(error instanceof awe.TransportError);
  assert.deepEqual([error.sent, error.retry, broken.asked.length], [true, "with_key", 4]);
  const idempotencyKey = error.idempotencyKey ?? "";
  assert.ok((await world.client().create(world.request("key"), { idempotencyKey })).replayed);
  assert.equal((await world.requestsOf("key")).length, 1);
});

test("a decision is sent again under its key, and answered as the first time", async () => {
  const made = await world.client().create(world.request("decision"));
  const task = made.tasks[0]?.id ?? "";
  const lost = await proxy({ matches: /decision$/, lost: true });
  assert.equal((await behind(lost, {}, world.approver).decide(task, { action: "approve" })).task_id, task);
  assert.equal(lost.asked.length, 2);
  assert.equal((await world.client().get(made.request_id)).status, "approved");

  const other = await world.client().create(world.request("decision-2"));
  const busy = await proxy(overloaded(/decision$/));
  await behind(busy, {}, world.approver).decide(other.tasks[0]?.id ?? "", { action: "approve" });
  assert.equal(busy.asked.length, 2);

  const body = envelope("AWE-006", "database_away");
  const away = await proxy({ matches: /decision$/, status: 503, headers: { "retry-after": "0" }, body, times: 9 });
  assert.equal((await failure(behind(away).decide(NOBODY, { action: "approve" }))).retry, "with_key");
  assert.equal(away.asked.length, 4);
});

test("Retry-After is kept, and one beyond the bound ends the call", async () => {
  const headers = { "retry-after": "1" };
  const body = envelope("AWE-007", "too_many_requests");
  const busy = await proxy({ matches: /GET/, status: 429, headers, body });
  const began = performance.now();
  await behind(busy).list();
  assert.ok(performance.now() - began >= 1000);
  const long = await proxy({ matches: /GET/, status: 429, headers: { "retry-after": "3600" }, body });
  const error = await failure(behind(long).list());
  assert.deepEqual([error.retryAfterMs, long.asked.length], [3_600_000, 1]);
  const now = Date.parse("2026-01-31T00:00:00Z");
  assert.equal(millisecondsOf("Sat, 31 Jan 2026 00:00:10 GMT", now), 10_000);
  assert.equal(millisecondsOf("soon", now), undefined);
});

test("a slow answer is a timeout, and a read is tried again", async () => {
  const slow = await proxy({ matches: /GET/, stallsMs: 1000 });
  await behind(slow, { timeoutMs: 300 }).list();
  assert.equal(slow.asked.length, 2);
  const once = await proxy({ matches: /GET/, stallsMs: 1000 });
  const error = await failure(behind(once, { timeoutMs: 200, retry: { attempts: 1 } }).list());
  assert.ok(error instanceof awe.RequestTimeout);
  const aborted = await proxy({ matches: /GET/, stallsMs: 1000 });
  const signal = AbortSignal.timeout(100);
  assert.equal((await failure(behind(aborted, { retry: { attempts: 1 } }).list({}, { signal }))).name, "TimeoutError");
  assert.equal(aborted.asked.length, 1);
});

test("nobody listens", async () => {
  const closed = await FaultyProxy.make();
  const baseUrl = closed.url;
  await closed.close();
  const error = await failure(world.client(undefined, { baseUrl }).decide(NOBODY, { action: "approve" }));
  assert.ok(error instanceof awe.TransportError);
  assert.deepEqual([error.sent, error.retry], [false, "yes"]);
});

test("the trace is passed on, and nothing else", async () => {
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const busy = await proxy(overloaded());
  const trace = (carrier: Record<string, string>) => Object.assign(carrier, { traceparent, baggage: "private=1" });
  await behind(busy, { trace }).create(world.request("trace"));
  assert.deepEqual(
    busy.asked.map((one) => one.headers.traceparent),
    [traceparent, traceparent],
  );
  assert.equal(busy.asked[0]?.headers.baggage, undefined);
});

test("a token callback is asked for each attempt, and the user's token is forwarded", async () => {
  let asked = 0;
  const busy = await proxy(overloaded());
  const fresh = async () => {
    asked++;
    return token("user-1");
  };
  const made = await behind(busy).withToken(fresh).create(world.request("user"));
  assert.deepEqual([asked, busy.asked.length], [2, 2]);
  assert.equal((await world.client().get(made.request_id)).source_service, "user-1");
});

test("client credentials are asked for once, replaced before they end and when they are refused", async () => {
  const body = JSON.stringify({ access_token: token(world.caller), expires_in: 300 });
  const refused: Fault = { matches: /GET/, status: 401, body: envelope("AWE-008", "token_expired"), times: 0 };
  const server = await proxy({ matches: /POST \/token/, status: 200, body, times: 99 }, refused);
  let now = 0;
  const clock = () => now;
  const options = { tokenUrl: `${server.url}/token`, clientId: "my id", clientSecret: "s:cret", scope: "awe", clock };
  const client = behind(server).withToken(new awe.ClientCredentials(options));
  await Promise.all([client.list(), client.list()]);
  const tokens = () => server.asked.filter((one) => one.path === "/token");
  assert.equal(tokens().length, 1);
  assert.equal(tokens()[0]?.body, "grant_type=client_credentials&scope=awe");
  assert.equal(tokens()[0]?.headers.authorization, "Basic bXkraWQ6cyUzQWNyZXQ=");
  now = 269_000;
  await client.list();
  assert.equal(tokens().length, 1);
  now = 271_000;
  await client.list();
  assert.equal(tokens().length, 2);
  refused.times = 1;
  await client.list();
  assert.equal(tokens().length, 3);
  refused.times = 9;
  assert.ok((await failure(client.list())) instanceof awe.AuthenticationError);
  assert.equal(tokens().length, 4);
});

test("without a token nothing is sent", async () => {
  const server = await proxy({ matches: /POST \/token/, status: 400, body: '{"error":"invalid_client"}' });
  const source = new awe.ClientCredentials({ tokenUrl: `${server.url}/token`, clientId: "a", clientSecret: "b" });
  assert.match((await failure(behind(server).withToken(source).list())).message, /answered 400/);
  assert.equal(server.asked.length, 1);
});

test("a URL or a parameter cannot lead elsewhere", async () => {
  for (const baseUrl of ["awe.example.org", "ftp://awe.example.org", "https://awe.example.org?x=1"]) {
    assert.throws(() => new awe.AweClient({ baseUrl }), TypeError);
  }
  await new awe.AweClient({ baseUrl: `${serverUrl()}/v1/awe/`, retry: QUICK }).call("health", {});
  const server = await proxy();
  await failure(behind(server).get("../policies?x=1#y"));
  assert.equal(server.asked[0]?.path, "/v1/awe/requests/..%2Fpolicies%3Fx%3D1%23y");
  await assert.rejects(world.client().get(".."), TypeError);
});

test("calls are typed by the contract", () => {
  const never = () => {
    const client = world.client();
    // @ts-expect-error: no such operation
    client.call("no_such_operation", {});
    // @ts-expect-error: the path is missing
    client.call("get_request", {});
    // @ts-expect-error: no such filter
    client.call("list_requests", { query: { colour: "red" } });
    // @ts-expect-error: no such action
    client.decide(NOBODY, { action: "maybe" });
    // @ts-expect-error: not a list with a cursor
    client.every("list_policies", {});
    // @ts-expect-error: not a page
    client.page("get_request", { path: { request_id: NOBODY } }).then((page) => page.items);
    const text: Promise<string> = client.call("export_system_config", {}).then((one) => String(one));
    return text;
  };
  assert.equal(typeof never, "function");
});
