/**
 * Verifies webhooks with WebCrypto: in Node, Deno, Bun, workers and browsers.
 *
 * The body must be the bytes as they came: one that was parsed and written again has another signature.
 */

import { type AnyEvent, parseEvent, UnreadableEvent } from "./events.js";

/** The names of errors in `schemas/webhook-vectors.json`. */
export type VerificationKind =
  | "missing_header"
  | "bad_header"
  | "no_match"
  | "too_old"
  | "too_new"
  | "bad_secret"
  | "bad_payload";

/** Typical mistakes that are recognised. */
export const HINTS = {
  no_headers: "none of AWE's headers is there: hand in the request's own headers",
  unsigned: "the webhook is not signed: its caller has no callback secret, or a proxy takes the header away",
  missing_prefix: "the secret lacks its beginning `whsec_`: use it as it was shown",
  reserialised_body: "the body was parsed and written again: hand in the bytes as they came",
  line_end: "white space was added to the end of the body or taken from it: hand in the bytes as they came",
  empty_body: "the body is empty: it was probably read before",
} as const;

export type Hint = keyof typeof HINTS;

const STATUS: Readonly<Record<VerificationKind, number>> = {
  missing_header: 400,
  bad_header: 400,
  no_match: 401,
  too_old: 401,
  too_new: 401,
  bad_secret: 500,
  bad_payload: 422,
};

/**
 * A webhook is not accepted. Of `bad_payload` the signature is right: it is not forged. `bad_secret` is a fault of the
 * receiver's configuration. The message holds no part of a secret, a signature or the body.
 */
export class VerificationError extends Error {
  readonly kind: VerificationKind;
  readonly hint: Hint | undefined;

  constructor(kind: VerificationKind, message: string, hint?: Hint) {
    super(hint ? `${message} (${HINTS[hint]})` : message);
    this.name = "VerificationError";
    this.kind = kind;
    this.hint = hint;
  }

  /** The HTTP status to answer with. AWE sends the webhook again after any that is not 2xx. */
  get status(): number {
    return STATUS[this.kind];
  }
}

/** Headers of a request: `Headers`, Node's `headers`, or pairs of name and value. Names count in any case. */
export type HeadersLike = Iterable<readonly [string, string]> | Record<string, string | readonly string[] | undefined>;

export interface VerifyOptions {
  /** Seconds that the timestamp may lie off, either way; 300 when absent. */
  tolerance?: number;
  /** Unix seconds; the clock's when absent. */
  now?: number;
}

const PREFIX = "whsec_";
const SHORTEST = 24;
const ENCODER = new TextEncoder();

/**
 * Resolves with the event of a webhook that one of the secrets signed. `raw`: the body as it came. `secrets`: one, or
 * several while one is rotated, each as it was shown (`whsec_...`) or as it was brought along. `webhook-signature`
 * decides when it is there, else `X-Approval-Signature`. Rejects with VerificationError; with TypeError or RangeError
 * when an argument is of no use.
 */
export async function verify(
  raw: Uint8Array | ArrayBuffer | string,
  headers: HeadersLike,
  secrets: string | readonly string[],
  { tolerance = 300, now = Date.now() / 1000 }: VerifyOptions = {},
): Promise<AnyEvent> {
  const body = bytesOf(raw);
  if (!(tolerance >= 0 && Number.isFinite(tolerance))) {
    throw new RangeError("tolerance must be a number of seconds, 0 or more");
  }
  const keys = keysOf(secrets);
  const signed = read(gather(headers));
  if (!(await signedByAny(signed, keys, body))) {
    const hint = await mistake(signed, keys, body);
    throw new VerificationError("no_match", "no signature of the webhook is by a secret given here", hint);
  }
  const late = now - Number(signed.timestamp);
  if (!(late <= tolerance)) {
    throw new VerificationError("too_old", `the webhook was signed ${late} s ago, at most ${tolerance} s are accepted`);
  }
  if (!(-late <= tolerance)) {
    const message = `the webhook was signed ${-late} s ahead of this clock, at most ${tolerance} s are accepted`;
    throw new VerificationError("too_new", message);
  }
  try {
    return parseEvent(body);
  } catch (fault) {
    if (!(fault instanceof UnreadableEvent)) throw fault;
    throw new VerificationError("bad_payload", `the webhook is signed right, but ${fault.message}`);
  }
}

export interface SignOptions {
  /** The body's when absent. */
  eventId?: string;
  /** Unix seconds; now when absent. */
  timestamp?: number;
}

/**
 * Resolves with body and headers of a webhook as AWE would sign it: for tests of receivers. `body`: bytes, text, or an
 * event that is written as JSON. `secrets`: the active one first.
 */
export async function signForTest(
  body: Uint8Array | string | object,
  secrets: string | readonly string[],
  { eventId, timestamp = Math.floor(Date.now() / 1000) }: SignOptions = {},
): Promise<{ body: Uint8Array<ArrayBuffer>; headers: Record<string, string> }> {
  const isEvent = typeof body === "object" && !(body instanceof Uint8Array);
  const raw = bytesOf(isEvent ? JSON.stringify(body) : body);
  const id = eventId ?? (isEvent ? (body as { event_id?: string }).event_id : undefined) ?? "msg_test";
  const keys = keysOf(secrets);
  const at = String(timestamp);
  const standard = keys.map(async (key) => {
    return `v1,${base64(await hmac(key.decoded, message([id, at], raw)))}`;
  });
  const approval = await hmac(ENCODER.encode(keys[0]?.shown), message([at], raw));
  return {
    body: raw,
    headers: {
      "x-approval-event-id": id,
      "x-approval-timestamp": at,
      "x-approval-signature": `sha256=${[...approval].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`,
      "webhook-id": id,
      "webhook-timestamp": at,
      "webhook-signature": (await Promise.all(standard)).join(" "),
      "content-type": "application/json",
    },
  };
}

/** A secret: `shown` keys X-Approval-Signature, `decoded` the one of Standard Webhooks. */
interface Key {
  given: string;
  shown: string;
  decoded: Uint8Array<ArrayBuffer>;
}

/** The signature headers of a webhook in one of both forms. `id` is undefined in AWE's own. */
interface Signed {
  id: string | undefined;
  timestamp: string;
  signatures: Uint8Array<ArrayBuffer>[];
}

function keysOf(secrets: string | readonly string[]): Key[] {
  const keys = (typeof secrets === "string" ? [secrets] : secrets).map(keyOf);
  if (keys.length === 0) throw new VerificationError("bad_secret", "no secret was given");
  return keys;
}

function keyOf(secret: string): Key {
  if (typeof secret !== "string") throw new TypeError("a secret is a text, as it was shown");
  const given = secret.trim();
  const text = given.startsWith(`v1,${PREFIX}`) ? given.slice(3) : given;
  const decoded = text.startsWith(PREFIX) ? decode(text.slice(PREFIX.length)) : ENCODER.encode(text);
  if (decoded === undefined) {
    throw new VerificationError("bad_secret", "a secret begins with `whsec_`, and what follows is not base64");
  }
  if (decoded.length < SHORTEST) {
    throw new VerificationError("bad_secret", text ? `a secret has at least ${SHORTEST} bytes` : "a secret is empty");
  }
  return { given, decoded, shown: PREFIX + base64(decoded) };
}

function read(given: Map<string, string[]>): Signed {
  if (given.has("webhook-signature")) {
    const id = only(given, "webhook-id");
    const timestamp = only(given, "webhook-timestamp");
    const entries = only(given, "webhook-signature").split(" ");
    const coded = entries.filter((one) => one.startsWith("v1,")).map((one) => one.slice(3));
    if (coded.length === 0) {
      throw new VerificationError("bad_header", "webhook-signature has no entry of the form `v1,<base64>`");
    }
    const signatures = coded.map((one) => decode(one) ?? new Uint8Array());
    return { id, timestamp: seconds(timestamp, "webhook-timestamp"), signatures };
  }
  if (given.has("x-approval-signature")) {
    const timestamp = only(given, "x-approval-timestamp");
    const digits = /^sha256=([0-9a-f]{64})$/i.exec(only(given, "x-approval-signature"))?.[1];
    if (digits === undefined || !only(given, "x-approval-signature").startsWith("sha256=")) {
      const message = "X-Approval-Signature is not `sha256=` and 64 hexadecimal digits";
      throw new VerificationError("bad_header", message);
    }
    const signature = Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
    return { id: undefined, timestamp: seconds(timestamp, "X-Approval-Timestamp"), signatures: [signature] };
  }
  const signs = given.has("webhook-id") || given.has("x-approval-event-id");
  throw new VerificationError("missing_header", "webhook-signature is missing", signs ? "unsigned" : "no_headers");
}

/** All values by name in lower case. */
function gather(headers: HeadersLike): Map<string, string[]> {
  const pairs = Symbol.iterator in headers ? (headers as Iterable<readonly [string, string]>) : Object.entries(headers);
  const found = new Map<string, string[]>();
  for (const [name, value] of pairs) {
    for (const one of Array.isArray(value) ? value : value === undefined ? [] : [value]) {
      const values = found.get(name.toLowerCase()) ?? [];
      found.set(name.toLowerCase(), [...values, String(one).replace(/^[ \t]+|[ \t]+$/g, "")]);
    }
  }
  return found;
}

function only(given: Map<string, string[]>, name: string): string {
  const values = given.get(name) ?? [];
  if (values.length === 0) throw new VerificationError("missing_header", `${name} is missing`);
  if (values.length > 1) throw new VerificationError("bad_header", `${name} is there ${values.length} times`);
  if (!/^[\x20-\x7e]+$/.test(values[0] ?? "")) {
    const message = `${name} is empty or has characters that are not printable ASCII`;
    throw new VerificationError("bad_header", message);
  }
  return values[0] ?? "";
}

function seconds(text: string, name: string): string {
  if (!/^[0-9]{1,12}$/.test(text)) {
    throw new VerificationError("bad_header", `${name} is not a number of Unix seconds`);
  }
  return text;
}

async function signedByAny(signed: Signed, keys: readonly Key[], body: Uint8Array): Promise<boolean> {
  const found = await Promise.all(keys.map((key) => isBy(signed, key, body)));
  return found.includes(true);
}

/** Whether one of the signatures is by the key. `subtle.verify` compares in constant time. */
async function isBy(signed: Signed, key: Key, body: Uint8Array): Promise<boolean> {
  const secret = signed.id === undefined ? ENCODER.encode(key.shown) : key.decoded;
  const parts = signed.id === undefined ? [signed.timestamp] : [signed.id, signed.timestamp];
  const text = message(parts, body);
  const imported = await importKey(secret, "verify");
  const checks = signed.signatures.map((one) => crypto.subtle.verify("HMAC", imported, one, text));
  return (await Promise.all(checks)).includes(true);
}

/** Which typical mistake explains that nothing matched. The webhook is refused in any case. */
async function mistake(signed: Signed, keys: readonly Key[], body: Uint8Array): Promise<Hint | undefined> {
  if (body.length === 0) return "empty_body";
  for (const { given } of keys) {
    const decoded = given.startsWith(PREFIX) ? undefined : decode(given);
    if (decoded && decoded.length >= SHORTEST && (await isBy(signed, keyOf(PREFIX + given), body))) {
      return "missing_prefix";
    }
  }
  let end = body.length;
  while (end > 0 && [9, 10, 11, 12, 13, 32].includes(body[end - 1] ?? 0)) end--;
  for (const more of ["", "\n", "\r\n"]) {
    const other = joined(body.subarray(0, end), ENCODER.encode(more));
    if (await signedByAny(signed, keys, other)) return "line_end";
  }
  try {
    const again = JSON.stringify(JSON.parse(new TextDecoder().decode(body)));
    return (await signedByAny(signed, keys, ENCODER.encode(again))) ? "reserialised_body" : undefined;
  } catch {
    return undefined;
  }
}

function importKey(secret: Uint8Array<ArrayBuffer>, use: "sign" | "verify"): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, [use]);
}

async function hmac(secret: Uint8Array<ArrayBuffer>, text: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.sign("HMAC", await importKey(secret, "sign"), text));
}

/** The parts and the body, joined by dots. */
function message(parts: readonly string[], body: Uint8Array): Uint8Array<ArrayBuffer> {
  return joined(ENCODER.encode(parts.map((one) => `${one}.`).join("")), body);
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

function bytesOf(raw: unknown): Uint8Array<ArrayBuffer> {
  if (typeof raw === "string") return ENCODER.encode(raw);
  if (raw instanceof Uint8Array) return new Uint8Array(raw);
  if (raw instanceof ArrayBuffer) return new Uint8Array(raw);
  throw new TypeError("the body must be the bytes as they came, not a parsed object");
}

function base64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

/** Decodes canonical base64 with its padding; undefined for anything else. */
function decode(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    const decoded = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return base64(decoded) === text ? decoded : undefined;
  } catch {
    return undefined;
  }
}
