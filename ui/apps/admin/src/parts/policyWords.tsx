/** Policies in words. */

import type { Schemas } from "@awe/client";
import type { ReactNode } from "react";
import { useT } from "../api/words.ts";
import { useName } from "./Person.tsx";

export type Rule = Schemas["ApproverRuleIn"];

/** What completes a stage. */
export function useModeWords(): (mode: string, value?: number | null) => string {
  const t = useT();
  return (mode, value) => {
    if (mode === "any-n" || mode === "quorum") return t("mode.anyN", { count: value ?? 1 });
    if (mode === "percentage") return t("mode.percentage", { count: value ?? 100 });
    return t("mode.all");
  };
}

/** Whom a rule names, people by their names. */
export function RuleWords({ rule }: { rule: Rule }): ReactNode {
  const t = useT();
  const value = rule.rule_value as Record<string, unknown>;
  const id = typeof value.user_id === "string" ? value.user_id : "";
  const name = useName(rule.rule_type === "user" ? id : null);
  const who = whoText(t, rule.rule_type, value, name ?? id);
  if (rule.kind === "observer") return t("rule.observer", { who });
  return rule.required ? t("rule.required", { who }) : who;
}

function whoText(t: ReturnType<typeof useT>, type: string, value: Record<string, unknown>, person: string): string {
  const text = (name: string) => String(value[name] || "…");
  if (type === "user") return t("rule.user", { id: person || "…" });
  if (type === "role" && value.client) return t("rule.clientRole", { role: text("role"), client: text("client") });
  if (type === "role") return t("rule.role", { role: text("role") });
  if (type === "group") return t(value.include_subgroups ? "rule.groups" : "rule.group", { group: text("group") });
  if (type === "expression") return t("rule.expression");
  return type === "http" ? t("rule.http", { url: text("url") }) : type;
}
