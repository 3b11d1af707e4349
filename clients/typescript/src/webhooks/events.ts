/** The body of a webhook and of a message on NATS. */

import type { components } from "../generated/openapi.js";
import { EVENT_TYPES } from "../generated/words.js";

/** The types of events; `ping` is the test event that an administrator sends to an endpoint. */
export type EventType = (typeof EVENT_TYPES)[number] | "ping";

/** Something that happened to a request. Times are RFC 3339, fields that are not known here are kept. */
export type WebhookEvent = components["schemas"]["WebhookEvent"] & { event_type: EventType };

/** An event of a type that this version has no word for. Answer 2xx and ignore it, or read its fields. */
export interface UnknownEvent {
  event_id: string;
  event_type: string;
  [field: string]: unknown;
}

export type AnyEvent = WebhookEvent | UnknownEvent;

/** Statuses of a request that never change again. */
export const FINAL_STATUSES: ReadonlySet<string> = new Set(["approved", "rejected", "cancelled", "expired"]);

const KNOWN: ReadonlySet<string> = new Set([...EVENT_TYPES, "ping"]);
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;
const TEXTS = ["request_id", "artifact_type", "artifact_id", "policy_key", "status", "occurred_at"];

/** Whether this version knows the event's type, and so its fields. */
export function isKnown(event: AnyEvent): event is WebhookEvent {
  return KNOWN.has(event.event_type);
}

/** The bytes are no event. The message says what is wrong, and repeats nothing of them. */
export class UnreadableEvent extends Error {}

/** Reads the JSON of one event. Throws UnreadableEvent. */
export function parseEvent(raw: Uint8Array): AnyEvent {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(raw);
  } catch {
    throw new UnreadableEvent("the body is not UTF-8");
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UnreadableEvent(text === "" ? "the body is empty" : "the body is not JSON");
  }
  if (!isObject(value)) throw new UnreadableEvent("the body is not a JSON object");
  for (const name of ["event_id", "event_type"]) need(value, name, "a text", isText);
  const event = value as unknown as AnyEvent;
  if (!isKnown(event)) return event;
  for (const name of TEXTS) need(value, name, "a text", isText);
  for (const name of ["sequence", "policy_version"]) need(value, name, "an integer", Number.isInteger);
  need(value, "payload", "an object", isObject);
  need(value, "occurred_at", "a time of RFC 3339", isTime);
  if (value.stage_order != null) need(value, "stage_order", "an integer", Number.isInteger);
  if (value.actor != null) need(value, "actor", "a text", isText);
  return event;
}

function need(value: Record<string, unknown>, name: string, what: string, test: (found: unknown) => boolean): void {
  if (!test(value[name])) throw new UnreadableEvent(`${name} is missing or not ${what}`);
}

function isText(found: unknown): found is string {
  return typeof found === "string";
}

function isObject(found: unknown): found is Record<string, unknown> {
  return typeof found === "object" && found !== null && !Array.isArray(found);
}

function isTime(found: unknown): boolean {
  return isText(found) && TIME.test(found) && !Number.isNaN(Date.parse(found));
}
