/** The document that the designer works on, and where it is kept until it is saved. */

import type { Schemas } from "@awe/client";

export type Policy = Schemas["PolicyCreate"];
export type Stage = Schemas["StageIn"];
export type Rule = Schemas["ApproverRuleIn"];
export type Stored = Schemas["PolicyOut"];
export type Problem = Schemas["PolicyProblemOut"];

export const BLANK: Policy = {
  policy_key: "",
  name: "",
  artifact_type: "",
  description: null,
  forbid_self_approval: true,
  forbid_repeat_approvers: false,
  context_schema: null,
  stages: [],
};

/** What of a stored version may be written again: without ids and times. */
export function documentOf(stored: Stored): Policy {
  const rule = ({ rule_type, rule_value, kind, required }: Schemas["ApproverRuleOut"]): Rule => ({
    rule_type,
    rule_value,
    kind,
    required,
  });
  return {
    policy_key: stored.policy_key,
    name: stored.name,
    artifact_type: stored.artifact_type,
    description: stored.description ?? null,
    forbid_self_approval: stored.forbid_self_approval,
    forbid_repeat_approvers: stored.forbid_repeat_approvers,
    context_schema: stored.context_schema ?? null,
    stages: stored.stages.map(({ id: _, ...stage }) => ({
      ...stage,
      rules: stage.rules.map(rule),
      escalation_rules: stage.escalation_rules.map(rule),
    })),
  };
}

export function newStage(stages: Stage[]): Stage {
  const order = Math.max(0, ...stages.map((stage) => stage.stage_order)) + 1;
  return {
    name: "",
    stage_order: order,
    mode: "any-n",
    mode_value: 1,
    reject_mode: "veto",
    on_empty: "block",
    comment_required: "never",
    rules: [newRule()],
    escalation_rules: [],
  };
}

export function newRule(): Rule {
  return { rule_type: "role", rule_value: { role: "" }, kind: "approver", required: false };
}

/** What a rule of this type says before anything is filled in. */
export function blankValue(type: string): Record<string, unknown> {
  if (type === "user") return { user_id: "" };
  if (type === "group") return { group: "", include_subgroups: false };
  if (type === "expression") return { logic: { var: "" } };
  if (type === "http") return { url: "" };
  return { role: "" };
}

/** Moves a stage one place up or down; orders are dealt out anew, so that they follow the list. */
export function moved(stages: Stage[], at: number, to: number): Stage[] {
  const next = [...stages];
  const [stage] = next.splice(at, 1);
  if (!stage) return stages;
  next.splice(Math.max(0, Math.min(to, next.length)), 0, stage);
  return renumbered(next);
}

export function renumbered(stages: Stage[]): Stage[] {
  return stages.map((stage, at) => ({ ...stage, stage_order: at + 1 }));
}

/** Whether a stage runs together with the one before it. */
export function isWithBefore(stages: Stage[], at: number): boolean {
  const group = stages[at]?.parallel_group;
  return at > 0 && group !== null && group !== undefined && stages[at - 1]?.parallel_group === group;
}

/** Puts a stage together with the one before, or on its own again. */
export function together(stages: Stage[], at: number, isTogether: boolean): Stage[] {
  const next = stages.map((stage) => ({ ...stage }));
  const [before, stage] = [next[at - 1], next[at]];
  if (!before || !stage) return stages;
  if (isTogether) {
    const free = Math.max(0, ...next.map((one) => one.parallel_group ?? 0)) + 1;
    before.parallel_group ??= free;
    stage.parallel_group = before.parallel_group;
  } else {
    const following = next.slice(at).findIndex((one) => one.parallel_group !== stage.parallel_group);
    const end = following < 0 ? next.length : at + following;
    const free = Math.max(0, ...next.map((one) => one.parallel_group ?? 0)) + 1;
    for (let index = at; index < end; index++) {
      const one = next[index];
      if (one) one.parallel_group = end - at > 1 ? free : null;
    }
  }
  return next;
}

/** What a pointer (RFC 6901) leads to, as parts of a path. */
export function pointerParts(pointer: string): (string | number)[] {
  return pointer
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}

/** What is wrong at exactly this place, or below it where `deep`. */
export function problemsAt(problems: Problem[], pointer: string, deep = false): Problem[] {
  return problems.filter((one) => one.pointer === pointer || (deep && one.pointer.startsWith(`${pointer}/`)));
}

/** How many problems each stage has, by its place. */
export function problemCounts(problems: Problem[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const { pointer } of problems) {
    const [name, at] = pointerParts(pointer);
    if (name === "stages" && typeof at === "number") counts.set(at, (counts.get(at) ?? 0) + 1);
  }
  return counts;
}
