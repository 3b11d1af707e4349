/** A policy as a picture. */

import type { Schemas } from "@awe/client";
import { durationText, type FlowSeat, type FlowStage } from "@awe/kit";
import { useIntl } from "react-intl";
import { useT, type Word } from "../api/words.ts";
import { logicText } from "./logic.ts";
import { Person } from "./Person.tsx";
import { type Rule, RuleWords, useModeWords } from "./policyWords.tsx";

export type Stage = Schemas["StageIn"];
export type SimulatedStage = Schemas["SimulateStageOut"];

interface Options {
  /** What a simulation said, by order of the stage. */
  simulated?: SimulatedStage[];
  /** How many problems each stage has, by its place in the list. */
  problems?: Map<number, number>;
}

const MOST_RULES = 6;

export function usePolicyFlow(stages: Stage[], { simulated, problems }: Options = {}): FlowStage[] {
  const t = useT();
  const intl = useIntl();
  const mode = useModeWords();
  return stages.map((stage, at) => {
    const result = simulated?.find((one) => one.stage_order === stage.stage_order);
    const faults = problems?.get(at) ?? 0;
    const rules = stage.rules ?? [];
    const sla = stage.sla_hours ? durationText(intl.locale, stage.sla_hours * 3_600_000) : undefined;
    const lines = [
      ...rules.slice(0, MOST_RULES).map((one, place) => <RuleWords key={place} rule={one as Rule} />),
      rules.length > MOST_RULES ? t("person.more", { count: rules.length - MOST_RULES }) : undefined,
      sla ? t(`breach.${stage.on_breach ?? "notify"}` as Word, { time: sla }) : undefined,
      stage.skip_if ? t("stage.skipIf", { condition: logicText(stage.skip_if) }) : undefined,
      stage.comment_required && stage.comment_required !== "never"
        ? t(`comment.${stage.comment_required}` as Word)
        : undefined,
      ...(result?.resolution_errors ?? []).map((error) => t("simulate.error", { error })),
      ...(result?.unknown_users?.length ? [t("simulate.unknown", { who: result.unknown_users.join(", ") })] : []),
    ];
    return {
      id: String(at),
      order: stage.stage_order,
      name: stage.name || t("designer.unnamed"),
      group: stage.parallel_group,
      rule: mode(stage.mode ?? "all", stage.mode_value),
      lines: lines.filter((line) => line !== undefined),
      state: result
        ? stateOf(result, t)
        : faults > 0
          ? { tone: "bad" as const, text: t("designer.problems", { count: faults }) }
          : undefined,
      seats: result && !result.skipped ? seatsOf(result, t) : undefined,
    };
  });
}

function stateOf(result: SimulatedStage, t: ReturnType<typeof useT>): FlowStage["state"] {
  if (result.skipped)
    return { tone: "quiet", text: t("simulate.skipped", { reason: (result.skip_reason ?? "").replaceAll("_", " ") }) };
  if (result.resolved_approvers.length === 0) return { tone: "bad", text: t("simulate.nobody") };
  return { tone: "good", text: t("simulate.asked", { count: result.resolved_approvers.length }) };
}

function seatsOf(result: SimulatedStage, t: ReturnType<typeof useT>): FlowSeat[] {
  return [
    ...result.resolved_approvers.map((id): FlowSeat => ({ id, name: <Person id={id} />, tone: "good" })),
    ...result.resolved_observers.map(
      (id): FlowSeat => ({
        id: `o ${id}`,
        name: <Person id={id} />,
        tone: "quiet",
        icon: "eye",
        state: t("seat.observer"),
      }),
    ),
  ];
}
