/** What a policy says besides its stages. */

import { Section } from "@awe/kit";
import { Checkbox, JsonInput, Stack, Textarea, TextInput } from "@mantine/core";
import { useState } from "react";
import { useT } from "../../api/words.ts";
import { type Policy, type Problem, problemsAt } from "./model.ts";

interface Props {
  policy: Policy;
  onChange: (policy: Policy) => void;
  problems: Problem[];
  isKeyFixed: boolean;
}

export function PolicyForm({ policy, onChange, problems, isKeyFixed }: Props) {
  const t = useT();
  const set = (patch: Partial<Policy>) => onChange({ ...policy, ...patch });
  const fault = (field: string) =>
    problemsAt(problems, `/${field}`, field === "context_schema")
      .map((one) => one.message)
      .join(" ") || undefined;
  return (
    <Section title={t("designer.policyItself")}>
      <Stack gap="sm">
        <TextInput
          label={t("policy.name")}
          required
          value={policy.name}
          error={fault("name")}
          onChange={(event) => set({ name: event.currentTarget.value })}
          maxLength={200}
        />
        <TextInput
          label={t("policy.key")}
          description={t("policy.key.what")}
          required
          readOnly={isKeyFixed}
          value={policy.policy_key}
          error={fault("policy_key")}
          onChange={(event) => set({ policy_key: event.currentTarget.value })}
          maxLength={200}
          dir="ltr"
        />
        <TextInput
          label={t("request.artifactType")}
          description={t("policy.artifactType.what")}
          required
          value={policy.artifact_type}
          error={fault("artifact_type")}
          onChange={(event) => set({ artifact_type: event.currentTarget.value })}
          maxLength={200}
        />
        <Textarea
          label={t("policy.description")}
          value={policy.description ?? ""}
          error={fault("description")}
          onChange={(event) => set({ description: event.currentTarget.value || null })}
          autosize
          minRows={2}
          maxRows={8}
          maxLength={10_000}
        />
        <Checkbox
          label={t("policy.forbidSelf")}
          checked={policy.forbid_self_approval ?? false}
          onChange={(event) => set({ forbid_self_approval: event.currentTarget.checked })}
        />
        <Checkbox
          label={t("policy.forbidRepeat")}
          checked={policy.forbid_repeat_approvers ?? false}
          onChange={(event) => set({ forbid_repeat_approvers: event.currentTarget.checked })}
        />
        <SchemaField
          value={policy.context_schema}
          error={fault("context_schema")}
          onChange={(context_schema) => set({ context_schema })}
        />
      </Stack>
    </Section>
  );
}

interface SchemaProps {
  value: Policy["context_schema"];
  error: string | undefined;
  onChange: (value: Policy["context_schema"]) => void;
}

/** The schema of contexts. Text that is no JSON yet stays in the field and changes nothing. */
function SchemaField({ value, error, onChange }: SchemaProps) {
  const t = useT();
  const [text, setText] = useState(() => (value ? JSON.stringify(value, null, 2) : ""));
  const [isBroken, setBroken] = useState(false);
  const type = (next: string) => {
    setText(next);
    if (next.trim() === "") {
      setBroken(false);
      return onChange(null);
    }
    try {
      const read = JSON.parse(next);
      setBroken(read === null || typeof read !== "object" || Array.isArray(read));
      if (read !== null && typeof read === "object" && !Array.isArray(read)) onChange(read);
    } catch {
      setBroken(true);
    }
  };
  return (
    <JsonInput
      label={t("policy.schema")}
      description={t("policy.schema.what")}
      value={text}
      onChange={type}
      error={isBroken ? t("simulate.object") : error}
      autosize
      minRows={4}
      maxRows={24}
      dir="ltr"
      spellCheck={false}
      classNames={{ input: "kit-code" }}
    />
  );
}
