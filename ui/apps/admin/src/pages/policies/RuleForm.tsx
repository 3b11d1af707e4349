/** One rule: whom it names, filled from the directory. */

import { Icon } from "@awe/kit";
import { Button, Checkbox, Group, NativeSelect, TextInput } from "@mantine/core";
import { useT, type Word } from "../../api/words.ts";
import { LogicEditor } from "../../parts/LogicEditor.tsx";
import { ClientPicker, GroupPicker, RolePicker, UserPicker } from "../../parts/pickers.tsx";
import { blankValue, type Problem, problemsAt, type Rule } from "./model.ts";

const TYPES = ["role", "user", "group", "expression", "http"];

interface Props {
  number: number;
  rule: Rule;
  pointer: string;
  problems: Problem[];
  paths: string[];
  onChange: (rule: Rule) => void;
  onRemove: () => void;
}

export function RuleForm({ number, rule, pointer, problems, paths, onChange, onRemove }: Props) {
  const t = useT();
  const fault = problemsAt(problems, pointer, true)
    .map((one) => one.message)
    .join(" ");
  return (
    <fieldset className="admin-rule">
      <legend className="kit-unseen">{t("rule.number", { number })}</legend>
      <Group gap="xs" align="start">
        <NativeSelect
          label={t("rule.type")}
          value={rule.rule_type}
          onChange={(event) =>
            onChange({
              ...rule,
              rule_type: event.currentTarget.value,
              rule_value: blankValue(event.currentTarget.value),
            })
          }
          data={TYPES.map((value) => ({ value, label: t(`rule.type.${value}` as Word) }))}
          w={150}
        />
        <div className="admin-rule-value">
          <Value rule={rule} onChange={(rule_value) => onChange({ ...rule, rule_value })} paths={paths} />
        </div>
      </Group>
      {fault && (
        <p className="admin-fault" role="alert">
          {fault}
        </p>
      )}
      <Group gap="md" justify="space-between">
        <Group gap="md">
          <Checkbox
            label={t("rule.onlyWatches")}
            checked={rule.kind === "observer"}
            onChange={(event) =>
              onChange({
                ...rule,
                kind: event.currentTarget.checked ? "observer" : "approver",
                required: event.currentTarget.checked ? false : rule.required,
              })
            }
          />
          <Checkbox
            label={t("rule.mustApprove")}
            checked={rule.required ?? false}
            disabled={rule.kind === "observer"}
            onChange={(event) => onChange({ ...rule, required: event.currentTarget.checked })}
          />
        </Group>
        <Button
          size="compact-xs"
          variant="subtle"
          color="red"
          leftSection={<Icon name="trash" size={13} />}
          onClick={onRemove}
          aria-label={t("rule.remove.label", { number })}
        >
          {t("rule.remove")}
        </Button>
      </Group>
    </fieldset>
  );
}

interface ValueProps {
  rule: Rule;
  onChange: (value: Rule["rule_value"]) => void;
  paths: string[];
}

function Value({ rule, onChange, paths }: ValueProps) {
  const t = useT();
  const value = rule.rule_value as Record<string, unknown>;
  const text = (name: string) => (typeof value[name] === "string" ? value[name] : "");
  const set = (name: string, next: unknown) => {
    const { [name]: _, ...rest } = value;
    onChange(
      next === undefined || next === ""
        ? name === "client"
          ? rest
          : { ...rest, [name]: "" }
        : { ...value, [name]: next },
    );
  };
  if (rule.rule_type === "user")
    return (
      <UserPicker
        label={t("rule.type.user")}
        required
        value={text("user_id")}
        onChange={(next) => set("user_id", next)}
      />
    );
  if (rule.rule_type === "role") {
    return (
      <Group gap="xs" align="start" grow>
        <RolePicker
          label={t("rule.type.role")}
          required
          client={text("client")}
          value={text("role")}
          onChange={(next) => set("role", next)}
        />
        <ClientPicker label={t("rule.client")} value={text("client")} onChange={(next) => set("client", next)} />
      </Group>
    );
  }
  if (rule.rule_type === "group") {
    return (
      <>
        <GroupPicker
          label={t("rule.type.group")}
          required
          value={text("group")}
          onChange={(next) => set("group", next)}
        />
        <Checkbox
          label={t("rule.subgroups")}
          checked={value.include_subgroups === true}
          onChange={(event) => set("include_subgroups", event.currentTarget.checked)}
        />
      </>
    );
  }
  if (rule.rule_type === "expression")
    return (
      <LogicEditor
        label={t("rule.type.expression")}
        value={value.logic}
        onChange={(logic) => set("logic", logic)}
        paths={paths}
      />
    );
  const auth = (value.auth ?? {}) as { credential?: string };
  return (
    <Group gap="xs" align="start" grow>
      <TextInput
        label={t("rule.url")}
        required
        type="url"
        value={text("url")}
        onChange={(event) => set("url", event.currentTarget.value)}
      />
      <TextInput
        label={t("secret.credential")}
        description={t("rule.credential.what")}
        value={auth.credential ?? ""}
        onChange={(event) => {
          const { auth: _, ...rest } = value;
          onChange(
            event.currentTarget.value ? { ...rest, auth: { ...auth, credential: event.currentTarget.value } } : rest,
          );
        }}
      />
    </Group>
  );
}
