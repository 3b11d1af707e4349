/** The conformance kit, on a receiver of this package and on one that believes everybody. */

import assert from "node:assert/strict";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { conform } from "../src/conformance.js";
import { Receiver } from "../src/index.js";

const SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const servers: http.Server[] = [];
after(() => {
  for (const one of servers) one.close();
});

async function serve(judge: (raw: Buffer, headers: http.IncomingHttpHeaders) => Promise<number>): Promise<string> {
  const server = http.createServer(async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    response.writeHead(await judge(Buffer.concat(parts), request.headers)).end();
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks`;
}

test("the receiver of this package does all that it must and should", async () => {
  const receiver = new Receiver({ secrets: SECRET });
  const found = await conform(
    await serve(async (raw, headers) => (await receiver.handle(raw, headers, () => {})).status),
    SECRET,
  );
  found.check();
  assert.ok(found.judged.length >= 16);
  assert.ok(
    found.judged.every((one) => one.verdict === "good"),
    String(found),
  );
});

test("one that believes everybody fails by each forgery", async () => {
  const found = await conform(await serve(async () => 204), SECRET);
  const forged = [
    "timestamp ten minutes old",
    "timestamp ten minutes ahead",
    "signed with another secret",
    "body changed after signing",
    "no signature",
  ];
  assert.deepEqual(
    found.failures.map((one) => one.name),
    forged,
  );
  assert.throws(() => found.check(), /no signature .*\n.*expected 4xx/);
});

test("nobody there is told, and what is no URL or secret is refused", async () => {
  const found = await conform("http://127.0.0.1:9/hooks", SECRET);
  assert.ok(found.judged.every((one) => one.verdict === "unreached"));
  assert.ok(found.failures.length > 0);
  await assert.rejects(conform("no url", SECRET), TypeError);
  await assert.rejects(conform("http://127.0.0.1:9/hooks", "short"), /secret/);
});
