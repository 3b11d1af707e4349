/** Who would be asked: contexts to try are kept in this browser, the answer is drawn on the picture. */

import { ErrorNote, FlowPicture, Section, useDraft } from "@awe/kit";
import { Button, Group, NativeSelect, Stack, Textarea, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useApi } from "../../api/client.tsx";
import { useT } from "../../api/words.ts";
import { UserPicker } from "../../parts/pickers.tsx";
import { usePolicyFlow } from "../../parts/policyFlow.tsx";
import type { Stored } from "./model.ts";

interface Sample {
  name: string;
  context: string;
  requester: string;
}

const MOST_SAMPLES = 50;

export function Simulate({ stored }: { stored: Stored }) {
  const t = useT();
  const api = useApi();
  const samples = useDraft<Sample[]>(`samples.${stored.policy_key}`, [], localStorage);
  const draft = useDraft<Sample>(`sample.${stored.policy_key}`, {
    name: "",
    context: exampleOf(stored.context_schema),
    requester: "",
  });
  const { name, context, requester } = draft.value;
  const set = (patch: Partial<Sample>) => draft.set({ ...draft.value, ...patch });
  const [fault, setFault] = useState<string>();
  const run = useMutation({
    mutationFn: (body: { context: Record<string, unknown>; requester: string | null }) =>
      api.call("simulate_policy_version", { path: { policy_key: stored.policy_key, version: stored.version }, body }),
  });
  const flow = usePolicyFlow(stored.stages, { simulated: run.data?.stages });
  const start = () => {
    try {
      const value: unknown = JSON.parse(context.trim() || "{}");
      if (value === null || typeof value !== "object" || Array.isArray(value))
        throw new SyntaxError(t("simulate.object"));
      setFault(undefined);
      run.mutate({ context: value as Record<string, unknown>, requester: requester.trim() || null });
    } catch (error) {
      setFault((error as Error).message);
    }
  };
  const keep = () => {
    const rest = samples.value.filter((one) => one.name !== name.trim());
    samples.set([...rest, { name: name.trim(), context, requester }].slice(-MOST_SAMPLES));
  };
  return (
    <div className="admin-two">
      <Section title={t("simulate.case")}>
        <Stack gap="sm">
          {samples.value.length > 0 && (
            <NativeSelect
              label={t("simulate.samples")}
              value=""
              onChange={(event) => {
                const sample = samples.value.find((one) => one.name === event.currentTarget.value);
                if (sample) draft.set(sample);
              }}
              data={[
                { value: "", label: t("simulate.choose") },
                ...samples.value.map((one) => ({ value: one.name, label: one.name })),
              ]}
            />
          )}
          <Textarea
            label={t("task.context")}
            description={t("simulate.json")}
            value={context}
            error={fault}
            onChange={(event) => set({ context: event.currentTarget.value })}
            autosize
            minRows={5}
            maxRows={20}
            dir="ltr"
            spellCheck={false}
            classNames={{ input: "kit-code" }}
          />
          <UserPicker
            label={t("request.requester")}
            value={requester}
            onChange={(value) => set({ requester: value })}
          />
          <Group align="end" gap="xs">
            <Button onClick={start} loading={run.isPending}>
              {t("simulate.run")}
            </Button>
            <TextInput
              label={t("simulate.name")}
              value={name}
              onChange={(event) => set({ name: event.currentTarget.value })}
              maxLength={100}
              flex="1 1 120px"
            />
            <Button variant="default" onClick={keep} disabled={!name.trim()}>
              {t("simulate.keep")}
            </Button>
            {samples.value.some((one) => one.name === name.trim()) && (
              <Button
                variant="subtle"
                color="red"
                onClick={() => samples.set(samples.value.filter((one) => one.name !== name.trim()))}
              >
                {t("simulate.forget")}
              </Button>
            )}
          </Group>
          {run.isError && <ErrorNote error={run.error} />}
        </Stack>
      </Section>
      <Section title={t("simulate.result")}>
        <div role="status" aria-live="polite">
          <FlowPicture
            label={t("simulate.result")}
            stages={flow}
            begin={t("request.asked")}
            end={{ tone: run.data ? "busy" : "quiet", text: run.data ? t("simulate.done") : t("simulate.notYet") }}
          />
        </div>
      </Section>
    </div>
  );
}

/** A context that a schema asks for, with blanks to fill in. */
export function exampleOf(schema: unknown): string {
  const properties = (schema as { properties?: Record<string, { type?: string | string[] }> } | null)?.properties ?? {};
  const blank = (type: string | string[] | undefined) => {
    const one = Array.isArray(type) ? type[0] : type;
    return one === "number" || one === "integer"
      ? 0
      : one === "boolean"
        ? false
        : one === "array"
          ? []
          : one === "object"
            ? {}
            : "";
  };
  return JSON.stringify(
    Object.fromEntries(Object.entries(properties).map(([name, { type }]) => [name, blank(type)])),
    null,
    2,
  );
}
