/** What is shown of an approval, without any markup: tested without a browser. */

import type { components } from "../generated/openapi.js";
import type { Approval } from "./feed.js";
import { fill, say, type Words } from "./words.js";

export type Tone = "good" | "bad" | "warn" | "busy" | "quiet";

export interface Seat {
  who: string;
  /** "approved", "awaited": what came of it. */
  state: string;
  tone: Tone;
  /** "must agree", "for somebody". */
  notes: string[];
  comment: string | undefined;
  at: string | undefined;
}

export interface Stage {
  name: string;
  state: string;
  tone: Tone;
  isCurrent: boolean;
  isTogether: boolean;
  approvals: string | undefined;
  seatCount: number;
  awaited: string[];
  dueAt: string | undefined;
  isOverdue: boolean;
  seats: Seat[];
}

export interface Happening {
  what: string;
  who: string;
  at: string;
  comment: string | undefined;
}

export interface Story {
  status: string;
  word: string;
  tone: Tone;
  stages: Stage[];
  history: Happening[];
}

type Progress = components["schemas"]["StageProgressOut"];
type Task = components["schemas"]["TaskProgressOut"];
/** The name of a subject; undefined where it is not known, and the id is shown. */
export type NameOf = (subject: string) => string | undefined;

const TONES: Readonly<Record<string, Tone>> = {
  approved: "good",
  approve: "good",
  rejected: "bad",
  reject: "bad",
  active: "busy",
  in_review: "busy",
  claimed: "busy",
  open: "busy",
  escalating: "warn",
  resolving: "warn",
  expired: "warn",
};
const CURRENT = new Set(["active", "escalating", "resolving"]);
const UNDECIDED = new Set(["open", "claimed", "expired"]);
const MOST_HAPPENINGS = 100;

export function storyOf(approval: Approval, words: Words, locale: string, nameOf: NameOf, now = Date.now()): Story {
  const name = (subject: string) => (subject.startsWith("system") ? words.system : (nameOf(subject) ?? subject));
  const { status } = approval.request;
  const { stages } = approval.progress;
  return {
    status,
    word: say(words, "request", status),
    tone: TONES[status] ?? "quiet",
    stages: stages.map((stage, at) => stageOf(stage, stages[at - 1], words, locale, name, now)),
    history: approval.events.slice(-MOST_HAPPENINGS).map((event) => ({
      what: say(words, "event", event.event_type),
      who: name(event.actor),
      at: event.created_at,
      comment: textOf((event.payload as Record<string, unknown>).comment) ?? textOf(event.reason),
    })),
  };
}

function stageOf(
  stage: Progress,
  before: Progress | undefined,
  words: Words,
  locale: string,
  name: (subject: string) => string,
  now: number,
): Stage {
  const isCurrent = CURRENT.has(stage.state);
  const number = new Intl.NumberFormat(locale);
  const counts = { have: number.format(stage.approvals), needed: number.format(stage.needed ?? 0) };
  const group = stage.parallel_group ?? undefined;
  const awaited = stage.tasks.filter(
    (task) => task.kind === "approver" && !task.decision && UNDECIDED.has(task.status),
  );
  const dueAt = isCurrent ? (stage.due_at ?? undefined) : undefined;
  return {
    name: stage.name,
    state: say(words, "stage", stage.state),
    tone: TONES[stage.state] ?? "quiet",
    isCurrent,
    isTogether: group !== undefined && group === (before?.parallel_group ?? undefined),
    approvals: typeof stage.needed === "number" ? fill(words.ofNeeded, counts) : undefined,
    seatCount: stage.seats,
    awaited: isCurrent ? awaited.map((task) => name(task.assignee)) : [],
    dueAt,
    isOverdue: dueAt !== undefined && Date.parse(dueAt) < now,
    seats: stage.tasks.map((task) => seatOf(task, words, name)),
  };
}

function seatOf(task: Task, words: Words, name: (subject: string) => string): Seat {
  const { decision } = task;
  const word = decision?.action ?? task.status;
  const owner = decision?.on_behalf_of ?? task.delegated_from ?? undefined;
  return {
    who: name(decision?.actor ?? task.assignee),
    state: say(words, "seat", word),
    tone: TONES[word] ?? "quiet",
    notes: [
      task.kind === "observer" && words.observer,
      task.required && words.required,
      owner && fill(words.for, { who: name(owner) }),
    ].filter((note) => typeof note === "string"),
    comment: textOf(decision?.comment),
    at: decision?.created_at,
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value.trim() !== "" ? value : undefined;
}
