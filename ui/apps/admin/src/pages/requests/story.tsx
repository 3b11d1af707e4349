/** What pages about one request share. */

import type { Schemas } from "@awe/client";
import { type FlowSeat, type FlowStage, Time } from "@awe/kit";
import { toneOf, useStateWord, useT } from "../../api/words.ts";
import { Person } from "../../parts/Person.tsx";
import { useModeWords } from "../../parts/policyWords.tsx";

export type Request = Schemas["RequestOut"];
export type Progress = Schemas["ProgressOut"];
export type SeatTask = Schemas["TaskProgressOut"];

const ENDS = new Set(["approved", "rejected", "cancelled", "expired"]);
export function isOver(status: string): boolean {
  return ENDS.has(status);
}

/** Tasks that gave their seat to another one are history, and in no picture. */
const GONE = new Set(["reassigned"]);

/** The stages of a request as a picture, each with its state and seats. */
export function useProgressFlow(request: Request, progress: Progress | undefined): FlowStage[] {
  const t = useT();
  const word = useStateWord();
  const mode = useModeWords();
  const seat = (task: SeatTask): FlowSeat => {
    const said = task.decision?.action;
    return {
      id: task.task_id,
      name: <Person id={task.assignee} />,
      tone: said ? toneOf(said) : task.status === "expired" ? "warn" : "quiet",
      icon:
        said === "approve"
          ? "check"
          : said === "reject"
            ? "cross"
            : said
              ? "minus"
              : task.kind === "observer"
                ? "eye"
                : "user",
      state: said ? word("action", said) : task.kind === "observer" ? t("seat.observer") : word("task", task.status),
    };
  };
  return (progress?.stages ?? []).map((stage) => ({
    id: stage.stage_id,
    order: stage.stage_order,
    name: stage.name,
    group: stage.parallel_group,
    rule: mode(stage.mode, stage.mode_value),
    lines: [
      stage.needed !== null && stage.needed !== undefined && stage.seats > 0
        ? t("stage.count", { approvals: stage.approvals, needed: stage.needed, seats: stage.seats })
        : undefined,
      stage.reason ? t("stage.reason", { reason: stage.reason.replaceAll("_", " ") }) : undefined,
      stage.due_at && !isOver(request.status) ? (
        <span key="due">
          {t("inbox.due")}: <Time at={stage.due_at} as="relative" />
        </span>
      ) : undefined,
    ].filter((line) => line !== undefined),
    state: { tone: stage.state === "active" ? "busy" : toneOf(stage.state), text: word("stage", stage.state) },
    seats: stage.tasks.filter((task) => !GONE.has(task.status)).map(seat),
    isCurrent: stage.state === "active" || stage.state === "resolving" || stage.state === "escalating",
  }));
}
