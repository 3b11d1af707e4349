/** Webhooks that a running server sends, through each framework. */

import assert from "node:assert/strict";
import type { AddressInfo, Server } from "node:net";
import { test } from "node:test";
import { serve } from "@hono/node-server";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import { type AnyEvent, type Handler, MemorySeenStore, type ReceiverOptions, signForTest } from "../src/index.js";
import * as forExpress from "../src/webhooks/express.js";
import * as forFastify from "../src/webhooks/fastify.js";
import * as forHono from "../src/webhooks/hono.js";
import { until, World } from "./support.js";

interface Running {
  url: string;
  close(): unknown;
}

type Serve = (options: ReceiverOptions, handler: Handler) => Promise<Running>;

async function running(server: Server): Promise<Running> {
  if (!server.listening) await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => server.close() };
}

function quiet(app: express.Express): express.Express {
  const answer: express.ErrorRequestHandler = (_error, _request, response, _next) => {
    response.status(500).send("failed");
  };
  return app.use(answer);
}

const FRAMEWORKS: Record<string, Serve> = {
  async express(options, handler) {
    const app = express().post("/hooks", forExpress.webhook(options, handler)).use(express.json());
    return running(quiet(app as express.Express).listen(0, "127.0.0.1"));
  },
  async "express with express.raw()"(options, handler) {
    const app = express()
      .use(express.raw({ type: "*/*" }))
      .post("/hooks", forExpress.webhook(options, handler));
    return running(quiet(app as express.Express).listen(0, "127.0.0.1"));
  },
  async fastify(options, handler) {
    const app = fastify();
    app.register(forFastify.webhook({ ...options, path: "/hooks" }, handler));
    app.post("/echo", async (request) => request.body);
    const url = await app.listen({ port: 0, host: "127.0.0.1" });
    const echoed = await fetch(`${url}/echo`, {
      method: "POST",
      body: '{"a":1}',
      headers: { "content-type": "application/json" },
    });
    assert.deepEqual(await echoed.json(), { a: 1 }, "the rest of the app parses JSON");
    return { url, close: () => app.close() };
  },
  async hono(options, handler) {
    const app = new Hono().post("/hooks", forHono.webhook(options, handler));
    app.onError((_error, context) => context.text("failed", 500));
    return running(serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }) as Server);
  },
};

for (const [name, start] of Object.entries(FRAMEWORKS)) {
  test(`webhooks arrive once and come again after a failure: ${name}`, async (context) => {
    const world = await World.make();
    const { secret } = await world.secret();
    const events: AnyEvent[] = [];
    let failed = 0;
    const handler = async (event: AnyEvent) => {
      if (event.artifact_id === "fail-once" && failed++ === 0) throw new Error("on purpose");
      events.push(event);
    };
    const server = await start({ secrets: secret, seen: new MemorySeenStore() }, handler);
    context.after(() => server.close());
    const hook = `${server.url}/hooks`;
    const of = (id: string) => events.filter((one) => one.request_id === id).map((one) => one.event_type);

    const made = await world.client().create(world.request("good", { callback_url: hook }));
    await world.approve(made.request_id);
    await until(() => of(made.request_id).includes("request_approved"), "the last webhook");
    assert.equal(of(made.request_id).filter((one) => one === "request_created").length, 1);

    const callback = { callback_url: hook, callback_events: ["request_created"] };
    const failing = await world.client().create(world.request("fail-once", callback));
    const owed = await until(async () => {
      const found = await world.admin.call("list_deliveries", { query: { request_id: failing.request_id } });
      return found.find((one) => one.last_status_code);
    }, "a delivery that failed");
    assert.equal(owed.last_status_code, 500);
    await world.admin.call("retry_delivery", { path: { delivery_id: owed.id } });
    await until(() => of(failing.request_id).length, "the webhook again");

    const before = events.length;
    const { body, headers } = await signForTest(events[0] ?? {}, secret);
    assert.equal((await fetch(hook, { method: "POST", body, headers })).status, 200);
    const forged = await fetch(hook, { method: "POST", body: Buffer.concat([body, Buffer.from(" ")]), headers });
    assert.deepEqual([forged.status, await forged.text()], [401, "no_match"]);
    const bare = { "content-type": "application/json" };
    assert.equal((await fetch(hook, { method: "POST", body, headers: bare })).status, 400);
    assert.equal(events.length, before);
  });
}

test("a body that was parsed before is told as such", async (context) => {
  const secrets = `whsec_${Buffer.alloc(32, "x").toString("base64")}`;
  let told: unknown;
  const app = express()
    .use(express.json())
    .post(
      "/hooks",
      forExpress.webhook({ secrets }, () => {}),
    )
    .use(((error, _request, response, _next) => {
      told = error;
      response.status(500).end();
    }) as express.ErrorRequestHandler);
  const server = await running(app.listen(0, "127.0.0.1"));
  context.after(() => server.close());
  const { body, headers } = await signForTest({ event_id: "e-1", event_type: "ping" }, secrets);
  assert.equal((await fetch(`${server.url}/hooks`, { method: "POST", body, headers })).status, 500);
  assert.match(String(told), /before express.json/);
});

test("both secrets verify while they overlap", async (context) => {
  const world = await World.make();
  const made = await world.secret();
  const path = { secret_id: made.id };
  const rotated = await world.admin.call("rotate_callback_secret", { path, body: { grace_hours: 1 } });
  for (const secrets of [made.secret, rotated.secret, [made.secret, rotated.secret]]) {
    const events: AnyEvent[] = [];
    const start = FRAMEWORKS.hono;
    assert.ok(start);
    const server = await start({ secrets }, (event) => events.push(event));
    context.after(() => server.close());
    const callback = { callback_url: `${server.url}/hooks`, callback_events: ["request_created"] };
    await world.client().create(world.request("rotated", callback));
    await until(() => events.length, "a webhook");
  }
});
