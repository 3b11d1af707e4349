/** Words of this app, and what colours and pictures states have. */

import { type Tone, useTranslate } from "@awe/kit";
import type words from "../locales/en.json";

export type Word = keyof typeof words;
export function useT() {
  return useTranslate<Word>();
}

export const CATALOGUES = {
  en: () => import("../locales/en.json"),
  fr: () => import("../locales/fr.json"),
  ar: () => import("../locales/ar.json"),
  hi: () => import("../locales/hi.json"),
};

export const REQUEST_STATUSES = ["pending", "in_review", "approved", "rejected", "cancelled", "expired"] as const;
export const DELIVERY_STATUSES = ["pending", "delivered", "exhausted"] as const;
export const POLICY_STATUSES = ["draft", "active", "archived"] as const;

const TONES: Readonly<Record<string, Tone>> = {
  pending: "quiet",
  in_review: "busy",
  approved: "good",
  rejected: "bad",
  cancelled: "quiet",
  expired: "warn",
  delivered: "good",
  exhausted: "bad",
  draft: "warn",
  active: "good",
  archived: "quiet",
  open: "busy",
  claimed: "busy",
  completed: "good",
  skipped: "quiet",
  reassigned: "quiet",
  waiting: "quiet",
  resolving: "warn",
  escalating: "warn",
  closed: "quiet",
  revoked: "bad",
  rotated: "warn",
  approve: "good",
  reject: "bad",
  abstain: "quiet",
  up: "good",
  degraded: "warn",
  down: "bad",
  off: "quiet",
};

export function toneOf(word: string): Tone {
  return TONES[word] ?? "quiet";
}

/** Says a word of the server: by the catalogue where it knows it, else as it is, since servers learn new words. */
export function useStateWord(): (
  group: "request" | "task" | "stage" | "delivery" | "policy" | "secret" | "action" | "event" | "part" | "health",
  word: string,
) => string {
  const t = useT();
  return (group, word) => {
    const id = `state.${group}.${word}` as Word;
    return KNOWN.has(id) ? t(id) : word.replaceAll("_", " ");
  };
}

const KNOWN: ReadonlySet<string> = new Set([
  ...REQUEST_STATUSES.map((word) => `state.request.${word}`),
  ...["open", "claimed", "completed", "skipped", "expired", "reassigned"].map((word) => `state.task.${word}`),
  ...["waiting", "resolving", "active", "escalating", "approved", "rejected", "skipped", "closed"].map(
    (word) => `state.stage.${word}`,
  ),
  ...DELIVERY_STATUSES.map((word) => `state.delivery.${word}`),
  ...POLICY_STATUSES.map((word) => `state.policy.${word}`),
  ...["active", "rotated", "revoked"].map((word) => `state.secret.${word}`),
  ...["postgres", "nats", "outbox", "issuer_keys", "directory"].map((word) => `state.part.${word}`),
  ...["up", "degraded", "down", "off"].map((word) => `state.health.${word}`),
  ...["approve", "reject", "abstain"].map((word) => `state.action.${word}`),
  ...[
    "request_created",
    "stage_started",
    "stage_completed",
    "stage_skipped",
    "stage_resolution_failed",
    "stage_escalated",
    "stage_escalation_failed",
    "task_expired",
    "task_reassigned",
    "task_claimed",
    "decision_recorded",
    "request_approved",
    "request_rejected",
    "request_cancelled",
    "request_expired",
  ].map((word) => `state.event.${word}`),
]);
