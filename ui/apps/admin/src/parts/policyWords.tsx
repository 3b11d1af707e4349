/** Policies in words. */

import type { Schemas } from "@awe/client";
import { useT } from "../api/words.ts";

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

/** Whom a rule names. */
export function useRuleWords(): (rule: Rule) => string {
  const t = useT();
  return ({ rule_type, rule_value, kind, required }) => {
    const value = rule_value as Record<string, unknown>;
    const text = (name: string) => String(value[name] ?? "…");
    const who = (() => {
      if (rule_type === "user") return t("rule.user", { id: text("user_id") });
      if (rule_type === "role" && value.client)
        return t("rule.clientRole", { role: text("role"), client: text("client") });
      if (rule_type === "role") return t("rule.role", { role: text("role") });
      if (rule_type === "group")
        return t(value.include_subgroups ? "rule.groups" : "rule.group", { group: text("group") });
      if (rule_type === "expression") return t("rule.expression");
      if (rule_type === "http") return t("rule.http", { url: text("url") });
      return rule_type;
    })();
    if (kind === "observer") return t("rule.observer", { who });
    return required ? t("rule.required", { who }) : who;
  };
}
