/**
 * Tries a receiver of webhooks with what AWE sends, and with what only somebody else would send. In a test of your
 * service, while it listens: `(await conform("http://127.0.0.1:8080/hooks", secret)).check()`. It plays what
 * `awe conform` plays, some twenty webhooks about requests that do not exist.
 */

import { KIT } from "./generated/conformance.js";
import { signForTest } from "./webhooks/verify.js";

const PIECES = 4;
const PAUSE_MS = 500;
const EXPECTED: Record<string, string> = {
  taken: "2xx",
  refused: "4xx",
  taken_once: "2xx; of two, one may be 409, 429 or 503",
};
const SIGNATURES = ["x-approval-signature", "webhook-signature"];

interface Sent {
  event?: string;
  sequence?: number;
  offset?: number;
  signed_by?: ("own" | "other")[];
  fields?: Record<string, unknown>;
  filler?: number;
  raw?: string;
  sent?: string;
}

interface Case {
  name: string;
  must: boolean;
  expected: string;
  why: string;
  how: string;
  sends: Sent[];
}

interface Webhook {
  body: Uint8Array<ArrayBuffer>;
  headers: Record<string, string>;
}

/**
 * A case that was played. `verdict`: `must` or `should` when the receiver does not do what it must or should,
 * `unreached` when no answer came. `did`: what it answered.
 */
export interface Judged {
  name: string;
  verdict: "good" | "must" | "should" | "unreached";
  did: string;
  expected: string;
  why: string;
  must: boolean;
}

/** What came of all cases, in the order in which they were played. */
export class Conformance {
  constructor(readonly judged: readonly Judged[]) {}

  /** The cases by which the receiver fails. */
  get failures(): Judged[] {
    return this.judged.filter(({ verdict, must }) => verdict === "must" || (must && verdict === "unreached"));
  }

  /** Throws an error that tells of each case by which the receiver fails. */
  check(): void {
    if (this.failures.length > 0) throw new Error(`the receiver does not do what it must\n${this}`);
  }

  toString(): string {
    const lines = this.judged.map(({ name, verdict, did, expected, why }) => {
      const line = `${verdict.padEnd(10)} ${name.padEnd(42)} ${did}`;
      return verdict === "good" ? line : `${line}\n${"".padEnd(10)} expected ${expected}. ${why}`;
    });
    return lines.join("\n");
  }
}

/**
 * Plays every case at `url`. `secret`: what the receiver verifies with, as it was shown. `timeoutMs`: for each webhook,
 * 10,000 when absent. Rejects with a TypeError for a URL that is none, with BadSecret for a secret that is none.
 */
export async function conform(url: string, secret: string, { timeoutMs = 10_000 } = {}): Promise<Conformance> {
  if (!/^https?:$/.test(new URL(url).protocol)) throw new TypeError("url must be an http or https URL");
  const judged: Judged[] = [];
  for (const one of KIT.cases as Case[]) judged.push(await play(one, { url, secret, timeoutMs }));
  return new Conformance(judged);
}

interface Target {
  url: string;
  secret: string;
  timeoutMs: number;
}

async function play(one: Case, target: Target): Promise<Judged> {
  const began = performance.now();
  const request = crypto.randomUUID();
  const events = new Map<string, string>();
  const webhooks: Webhook[] = [];
  for (const sent of one.sends) {
    const id = events.get(sent.event ?? "") ?? crypto.randomUUID();
    events.set(sent.event ?? "", id);
    webhooks.push(await webhookOf(sent, eventOf(request, id, sent.sequence ?? 1), target.secret));
  }
  const judged = (verdict: Judged["verdict"], did: string): Judged => {
    const { name, why, must } = one;
    return { name, verdict, did, expected: EXPECTED[one.expected] ?? one.expected, why, must };
  };
  const statuses: number[] = [];
  try {
    if (one.how === "at_once") {
      statuses.push(...(await Promise.all(webhooks.map((webhook) => send(webhook, target)))));
    } else {
      for (const webhook of webhooks) statuses.push(await send(webhook, target, one.how === "slowly"));
    }
  } catch (failure) {
    const cause = failure instanceof Error && failure.cause ? failure.cause : failure;
    return judged("unreached", `no answer: ${cause}`);
  }
  const did = `${statuses.join(", ")} in ${Math.round(performance.now() - began)} ms`;
  return judged(fits(one.expected, statuses) ? "good" : one.must ? "must" : "should", did);
}

async function webhookOf(sent: Sent, event: Record<string, unknown>, secret: string): Promise<Webhook> {
  Object.assign(event, sent.fields);
  if (sent.filler) event.payload = { context: { filler: "x".repeat(sent.filler) } };
  const signers = sent.signed_by ?? ["own"];
  const secrets = signers.map((name) => (name === "own" ? secret : KIT.other_secret));
  const timestamp = Math.floor(Date.now() / 1000) + (sent.offset ?? 0);
  const options = { eventId: String(event.event_id), timestamp };
  const text = sent.raw ?? JSON.stringify(event);
  const signed = await signForTest(text, secrets.length > 0 ? secrets : secret, options);
  if (signers.length === 0) for (const name of SIGNATURES) delete signed.headers[name];
  if (sent.sent !== undefined) signed.body = new TextEncoder().encode(sent.sent);
  return signed;
}

async function send({ body, headers }: Webhook, { url, timeoutMs }: Target, slowly = false): Promise<number> {
  const signal = AbortSignal.timeout(timeoutMs);
  const init: RequestInit = { method: "POST", headers, body, signal, redirect: "manual" };
  if (slowly) Object.assign(init, { body: inPieces(body), duplex: "half" });
  const answer = await fetch(url, init);
  await answer.body?.cancel();
  return answer.status;
}

function inPieces(body: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array> {
  const size = Math.max(1, Math.ceil(body.length / PIECES));
  let start = 0;
  return new ReadableStream({
    async pull(to) {
      if (start >= body.length) return to.close();
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      to.enqueue(body.slice(start, start + size));
      start += size;
    },
  });
}

/** An event of a request that does not exist. */
function eventOf(request: string, id: string, sequence: number): Record<string, unknown> {
  return {
    event_id: id,
    event_type: "request_created",
    request_id: request,
    sequence,
    artifact_type: "conformance",
    artifact_id: `conform-${request}`,
    policy_key: "conformance",
    policy_version: 1,
    status: "in_review",
    occurred_at: new Date().toISOString(),
    stage_order: null,
    actor: "awe-conform",
    payload: {},
  };
}

function fits(expected: string, statuses: readonly number[]): boolean {
  const isTaken = (status: number) => status >= 200 && status < 300;
  if (expected === "refused") return statuses.every((status) => status >= 400 && status < 500);
  if (expected === "taken") return statuses.every(isTaken);
  const later = [409, 429, 503];
  return statuses.some(isTaken) && statuses.every((status) => isTaken(status) || later.includes(status));
}
