/** One stage: who, how many, by when, and what happens else. */

import { Icon, Section } from "@awe/kit";
import { Button, Checkbox, Group, NativeSelect, NumberInput, Stack, Switch, TextInput } from "@mantine/core";
import { useT, type Word } from "../../api/words.ts";
import { LogicEditor } from "../../parts/LogicEditor.tsx";
import { pathsOf } from "../../parts/logic.ts";
import {
  isWithBefore,
  newRule,
  type Policy,
  type Problem,
  problemsAt,
  type Rule,
  type Stage,
  together,
} from "./model.ts";
import { RuleForm } from "./RuleForm.tsx";

interface Props {
  policy: Policy;
  at: number;
  problems: Problem[];
  onChange: (stages: Stage[]) => void;
  onMove: (to: number) => void;
  onRemove: () => void;
}

const words = (t: ReturnType<typeof useT>, prefix: string, values: string[]) =>
  values.map((value) => ({ value, label: t(`${prefix}.${value}` as Word) }));

export function StageForm({ policy, at, problems, onChange, onMove, onRemove }: Props) {
  const t = useT();
  const stages = policy.stages ?? [];
  const stage = stages[at];
  if (!stage) return null;
  const set = (patch: Partial<Stage>) =>
    onChange(stages.map((one, index) => (index === at ? { ...one, ...patch } : one)));
  const fault = (field: string, deep = false) =>
    problemsAt(problems, `/stages/${at}/${field}`, deep)
      .map((one) => one.message)
      .join(" ") || undefined;
  return (
    <Section
      title={stage.name || t("designer.unnamed")}
      actions={
        <>
          <Button
            size="compact-sm"
            variant="default"
            disabled={at === 0}
            onClick={() => onMove(at - 1)}
            leftSection={<Icon name="up" size={13} />}
          >
            {t("designer.earlier")}
          </Button>
          <Button
            size="compact-sm"
            variant="default"
            disabled={at === stages.length - 1}
            onClick={() => onMove(at + 1)}
            leftSection={<Icon name="down" size={13} />}
          >
            {t("designer.later")}
          </Button>
          <Button
            size="compact-sm"
            variant="outline"
            color="red"
            onClick={onRemove}
            leftSection={<Icon name="trash" size={13} />}
          >
            {t("designer.remove")}
          </Button>
        </>
      }
    >
      <Stack gap="sm">
        <TextInput
          label={t("stage.name")}
          required
          value={stage.name}
          error={fault("name")}
          onChange={(event) => set({ name: event.currentTarget.value })}
          maxLength={200}
        />
        {at > 0 && (
          <Switch
            label={t("stage.together", { name: stages[at - 1]?.name ?? "" })}
            checked={isWithBefore(stages, at)}
            onChange={(event) => onChange(together(stages, at, event.currentTarget.checked))}
          />
        )}
        <How stage={stage} set={set} fault={fault} />
        <Rules
          label={t("stage.rules")}
          rules={stage.rules ?? []}
          pointer={`/stages/${at}/rules`}
          problems={problems}
          onChange={(rules) => set({ rules })}
          policy={policy}
          error={fault("rules")}
        />
        <Deadline stage={stage} set={set} fault={fault} />
        {stage.on_breach === "escalate" && (
          <Rules
            label={t("stage.escalation")}
            rules={stage.escalation_rules ?? []}
            pointer={`/stages/${at}/escalation_rules`}
            problems={problems}
            onChange={(escalation_rules) => set({ escalation_rules })}
            policy={policy}
            error={fault("escalation_rules")}
          />
        )}
        <Skip stage={stage} set={set} fault={fault} policy={policy} />
      </Stack>
    </Section>
  );
}

interface PartProps {
  stage: Stage;
  set: (patch: Partial<Stage>) => void;
  fault: (field: string, deep?: boolean) => string | undefined;
}

function How({ stage, set, fault }: PartProps) {
  const t = useT();
  const mode = stage.mode === "quorum" ? "any-n" : (stage.mode ?? "all");
  return (
    <>
      <Group gap="sm" align="start" grow>
        <NativeSelect
          label={t("stage.mode")}
          value={mode}
          error={fault("mode")}
          onChange={(event) => {
            const next = event.currentTarget.value;
            set({ mode: next, mode_value: next === "all" ? null : next === "percentage" ? 51 : 1 });
          }}
          data={words(t, "stage.mode", ["all", "any-n", "percentage"])}
        />
        {mode !== "all" && (
          <NumberInput
            label={mode === "percentage" ? t("stage.percent") : t("stage.approvals")}
            value={stage.mode_value ?? ""}
            error={fault("mode_value")}
            onChange={(value) => set({ mode_value: value === "" ? null : Number(value) })}
            min={1}
            max={mode === "percentage" ? 100 : 1_000}
            allowDecimal={false}
          />
        )}
      </Group>
      <Group gap="sm" align="start" grow>
        <NativeSelect
          label={t("stage.reject")}
          value={stage.reject_mode ?? "veto"}
          error={fault("reject_mode")}
          onChange={(event) => set({ reject_mode: event.currentTarget.value })}
          data={words(t, "stage.reject", ["veto", "unreachable"])}
        />
        <NativeSelect
          label={t("stage.comment")}
          value={stage.comment_required ?? "never"}
          error={fault("comment_required")}
          onChange={(event) => set({ comment_required: event.currentTarget.value })}
          data={words(t, "stage.comment", ["never", "reject", "always"])}
        />
      </Group>
    </>
  );
}

function Deadline({ stage, set, fault }: PartProps) {
  const t = useT();
  return (
    <Group gap="sm" align="start" grow>
      <NumberInput
        label={t("stage.sla")}
        description={t("stage.sla.what")}
        value={stage.sla_hours ?? ""}
        error={fault("sla_hours")}
        onChange={(value) =>
          set(
            value === ""
              ? { sla_hours: null, on_breach: null }
              : { sla_hours: Number(value), on_breach: stage.on_breach ?? "notify" },
          )
        }
        min={1}
        max={100_000}
        allowDecimal={false}
      />
      {stage.sla_hours ? (
        <NativeSelect
          label={t("stage.breach")}
          description={t("stage.breach.what")}
          value={stage.on_breach ?? "notify"}
          error={fault("on_breach")}
          onChange={(event) => set({ on_breach: event.currentTarget.value })}
          data={words(t, "stage.breach", ["notify", "escalate", "auto_approve", "auto_reject"])}
        />
      ) : (
        <div />
      )}
    </Group>
  );
}

function Skip({ stage, set, fault, policy }: PartProps & { policy: Policy }) {
  const t = useT();
  return (
    <>
      <NativeSelect
        label={t("stage.empty")}
        value={stage.on_empty ?? "block"}
        error={fault("on_empty")}
        onChange={(event) => set({ on_empty: event.currentTarget.value })}
        data={words(t, "stage.empty", ["block", "skip"])}
      />
      <Checkbox
        label={t("stage.conditional")}
        checked={stage.skip_if !== null && stage.skip_if !== undefined}
        onChange={(event) =>
          set({
            skip_if: event.currentTarget.checked
              ? { "==": [{ var: pathsOf(policy.context_schema)[0] ?? "field" }, ""] }
              : null,
          })
        }
      />
      {stage.skip_if && (
        <LogicEditor
          label={t("stage.skipIf.label")}
          value={stage.skip_if}
          onChange={(skip_if) => set({ skip_if: skip_if as Record<string, unknown> })}
          paths={pathsOf(policy.context_schema)}
          error={fault("skip_if", true)}
        />
      )}
    </>
  );
}

interface RulesProps {
  label: string;
  rules: Rule[];
  pointer: string;
  problems: Problem[];
  policy: Policy;
  error: string | undefined;
  onChange: (rules: Rule[]) => void;
}

function Rules({ label, rules, pointer, problems, policy, error, onChange }: RulesProps) {
  const t = useT();
  return (
    <fieldset className="admin-fieldset">
      <legend>{label}</legend>
      {error && (
        <p className="admin-fault" role="alert">
          {error}
        </p>
      )}
      <Stack gap="xs">
        {rules.map((rule, at) => (
          <RuleForm
            key={at}
            number={at + 1}
            rule={rule}
            pointer={`${pointer}/${at}`}
            problems={problems}
            paths={pathsOf(policy.context_schema)}
            onChange={(next) => onChange(rules.map((one, index) => (index === at ? next : one)))}
            onRemove={() => onChange(rules.filter((_, index) => index !== at))}
          />
        ))}
        <Button
          variant="default"
          size="xs"
          leftSection={<Icon name="plus" size={13} />}
          onClick={() => onChange([...rules, newRule()])}
          disabled={rules.length >= 200}
        >
          {t("rule.add")}
        </Button>
      </Stack>
    </fieldset>
  );
}
