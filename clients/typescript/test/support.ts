/** What the tests stand on: tokens, policies, the running server, and a proxy before it that fails when told to. */

import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { AweClient, type ClientOptions, type Schemas } from "../src/index.js";

export const QUICK = { firstMs: 10, mostMs: 50 };
export const CREATE = /^POST \/v1\/awe\/requests$/;

function named(name: string): string {
  const found = process.env[name];
  if (!found) throw new Error(`${name} is not set: \`./dev clients\` starts a server and sets it`);
  return found;
}

export const serverUrl = () => named("AWE_CLIENTS_URL");
export const natsUrl = () => named("AWE_CLIENTS_NATS");

/** `schemas/webhook-vectors.json`. Tests run in `build/test`. */
export function vectors(): Vectors {
  const place = new URL("../../../../schemas/webhook-vectors.json", import.meta.url);
  return JSON.parse(readFileSync(place, "utf8"));
}

export interface Vectors {
  cases: {
    name: string;
    secrets: string[];
    headers: [string, string][];
    body_base64: string;
    now: number;
    tolerance: number;
    expect: Record<string, unknown>;
  }[];
  signing: {
    name: string;
    secrets: string[];
    event_id: string;
    timestamp: number;
    body_base64: string;
    headers: Record<string, string>;
  }[];
}

/** An unsigned token, which a server in development mode takes. */
export function token(subject: string, ...roles: string[]): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { sub: subject, realm_access: { roles }, exp: 4102444800 };
  return `${part({ alg: "none", typ: "JWT" })}.${part(claims)}.`;
}

/** A policy of its own with one approver, so that tests do not see each other's requests. */
export class World {
  readonly name = crypto.randomUUID().slice(0, 13);
  readonly policy = `clients.${this.name}`;
  readonly kind = `kind_${this.name}`;
  readonly caller = `caller-${this.name}`;
  readonly approver = `approver-${this.name}`;
  readonly admin = this.client(`admin-${this.name}`, {}, "AWE_ADMIN");

  static async make(): Promise<World> {
    const world = new World();
    const body = world.body("Clients");
    const made = await world.admin.call("create_policy", { body });
    await world.admin.call("activate_policy_version", { path: { policy_key: world.policy, version: made.version } });
    return world;
  }

  /** Its policy under this name. */
  body(name: string): Schemas["PolicyCreate"] {
    const rule = { rule_type: "user", rule_value: { user_id: this.approver } };
    const stage = { name: "Review", stage_order: 1, mode: "any-n" as const, mode_value: 1, rules: [rule] };
    return { policy_key: this.policy, name, artifact_type: this.kind, stages: [stage] };
  }

  client(subject = this.caller, options: Partial<ClientOptions> = {}, ...roles: string[]): AweClient {
    return new AweClient({ baseUrl: serverUrl(), token: token(subject, ...roles), retry: QUICK, ...options });
  }

  request(artifactId = "a-1", more: Partial<Schemas["CreateRequestIn"]> = {}): Schemas["CreateRequestIn"] {
    return { policy_key: this.policy, artifact_type: this.kind, artifact_id: artifactId, ...more };
  }

  async secret(): Promise<Schemas["CallbackSecretCreatedOut"]> {
    return this.admin.call("create_callback_secret", { body: { caller_service: this.caller } });
  }

  async approve(requestId: string): Promise<void> {
    const approver = this.client(this.approver);
    for await (const task of approver.tasks({ request_id: requestId })) {
      await approver.decide(task.id, { action: "approve" });
    }
  }

  async requestsOf(artifactId: string): Promise<string[]> {
    const found = [];
    for await (const one of this.admin.iterate({ artifact_type: this.kind, artifact_id: artifactId }))
      found.push(one.id);
    return found;
  }
}

/**
 * What the proxy does instead, `times` times (1), with requests that match. With `status` it answers by itself; `lost`
 * passes the request on and breaks the connection instead of answering; `stallsMs` waits before passing it on.
 */
export interface Fault {
  matches: RegExp;
  status?: number;
  headers?: Record<string, string>;
  body?: string;
  lost?: boolean;
  stallsMs?: number;
  times?: number;
}

export interface Asked {
  method: string;
  path: string;
  headers: http.IncomingHttpHeaders;
  body: string;
}

/** Passes requests on to the server, except for faults; keeps what was asked. */
export class FaultyProxy {
  readonly asked: Asked[] = [];
  readonly #server: http.Server;

  constructor(readonly faults: Fault[]) {
    this.#server = http.createServer((request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
  }

  static async make(...faults: Fault[]): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(faults);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  async #serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const parts = [];
    for await (const part of request) parts.push(part);
    const body = Buffer.concat(parts);
    const asked = { method: request.method ?? "", path: request.url ?? "", headers: request.headers };
    this.asked.push({ ...asked, body: body.toString() });
    const fault = this.faults.find((one) => (one.times ?? 1) > 0 && one.matches.test(`${asked.method} ${asked.path}`));
    if (fault) fault.times = (fault.times ?? 1) - 1;
    if (fault?.status) {
      response.writeHead(fault.status, fault.headers).end(fault.body);
      return;
    }
    if (fault?.stallsMs) await new Promise((resolve) => setTimeout(resolve, fault.stallsMs));
    const headers = { ...request.headers, connection: "close" };
    const onward = http.request(serverUrl() + asked.path, { method: asked.method, headers, agent: false });
    const told = await new Promise<http.IncomingMessage>((resolve, reject) => {
      onward.once("response", resolve).once("error", reject).end(body);
    });
    const read = [];
    for await (const part of told) read.push(part);
    if (fault?.lost) {
      response.destroy();
      return;
    }
    response.writeHead(told.statusCode ?? 500, told.headers).end(Buffer.concat(read));
  }
}

/** A server beside the running one, on the same database, to end and to start again. */
export class OwnServer {
  readonly url: string;
  readonly #start: () => ChildProcess;
  #child: ChildProcess;

  private constructor(port: number, settings: Record<string, string>) {
    const how = JSON.parse(named("AWE_CLIENTS_SERVE"));
    const own = Object.entries({ SERVER__PORT: String(port), ...settings }).map(([name, value]) => [
      `AWE__${name}`,
      value,
    ]);
    const env = { ...process.env, ...how.env, ...Object.fromEntries(own) };
    this.url = `http://127.0.0.1:${port}`;
    this.#start = () => spawn(how.command[0], how.command.slice(1), { env, stdio: "ignore" });
    this.#child = this.#start();
  }

  static async make(settings: Record<string, string> = {}): Promise<OwnServer> {
    const probe = http.createServer();
    await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
    const { port } = probe.address() as AddressInfo;
    await new Promise((resolve) => probe.close(resolve));
    const server = new OwnServer(port, settings);
    await server.#untilUp();
    return server;
  }

  async startAgain(): Promise<void> {
    this.#child = this.#start();
    await this.#untilUp();
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await ended;
  }

  async #untilUp(): Promise<void> {
    const nobody = new AweClient({ baseUrl: this.url, retry: { attempts: 1 } });
    await until(() => nobody.call("health", {}).catch(() => undefined), "the server answers");
  }
}

/** Waits until `found` answers something that is true. */
export async function until<Value>(found: () => Value | Promise<Value>, what: string): Promise<NonNullable<Value>> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const value = await found();
    if (value) return value;
    if (performance.now() > deadline) throw new Error(`not within 20 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The body of an error as AWE writes it. */
export function envelope(errorCode: string, reason: string): string {
  return JSON.stringify({ id: "openg2p.awe", response: null, errors: [{ errorCode, reason, message: "for a test" }] });
}

export function overloaded(matches = CREATE): Fault {
  return { matches, status: 503, headers: { "retry-after": "0" }, body: envelope("AWE-007", "overloaded") };
}

export async function all<Value>(values: AsyncIterable<Value>): Promise<Value[]> {
  const found = [];
  for await (const one of values) found.push(one);
  return found;
}
