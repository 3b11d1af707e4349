/** Webhooks: verification, dedup, tests of receivers. */

export {
  type AnyEvent,
  type EventType,
  FINAL_STATUSES,
  isKnown,
  parseEvent,
  type UnknownEvent,
  UnreadableEvent,
  type WebhookEvent,
} from "./events.js";
export { type Handler, Receiver, type ReceiverOptions, type Reply } from "./receiver.js";
export { MemorySeenStore, type Seen, type SeenStore } from "./seen.js";
export {
  type HeadersLike,
  HINTS,
  type Hint,
  signForTest,
  VerificationError,
  type VerificationKind,
  verify,
} from "./verify.js";
