/** Writes a policy: as forms with a picture, or as the document itself. It is kept in this browser until it is saved. */

import { type Draft, Empty, ErrorNote, FlowPicture, Icon, Page, Section, useDraft, useUrl } from "@awe/kit";
import { Alert, Button, Group, Skeleton, Stack, Tabs, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { useApi, useMe } from "../../api/client.tsx";
import { useT } from "../../api/words.ts";
import { usePolicyFlow } from "../../parts/policyFlow.tsx";
import {
  BLANK,
  documentOf,
  moved,
  newStage,
  type Policy,
  type Problem,
  problemCounts,
  renumbered,
  type Stored,
} from "./model.ts";
import { PolicyForm } from "./PolicyForm.tsx";
import { Problems } from "./Problems.tsx";
import { SaveBar } from "./SaveBar.tsx";
import { StageForm } from "./StageForm.tsx";
import { useLint } from "./useLint.ts";

const Code = lazy(() => import("../../parts/Code.tsx"));

/** What the designer began with. */
export interface Origin {
  stored: Stored;
  etag: string | null;
}

export function NewPolicy() {
  const draft = useDraft<Policy>("policy.@new", BLANK, localStorage);
  return <Designer draft={draft} origin={undefined} />;
}

export function EditPolicy() {
  const api = useApi();
  const { key, version } = useParams({ strict: false }) as { key: string; version: string };
  const query = useQuery({
    queryKey: ["policy", key, Number(version)],
    queryFn: ({ signal }) =>
      api.answer("get_policy_version", { path: { policy_key: key, version: Number(version) } }, { signal }),
    // What is written here stays; whether it has changed meanwhile is seen when it is saved.
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnWindowFocus: false,
  });
  if (query.isError)
    return (
      <Page title={key}>
        <ErrorNote error={query.error} onRetry={() => query.refetch()} />
      </Page>
    );
  if (!query.data)
    return (
      <Page title={key}>
        <Skeleton height={300} />
      </Page>
    );
  return <Edit origin={{ stored: query.data.value, etag: query.data.headers.get("etag") }} />;
}

interface Kept {
  policy: Policy;
  /** The state of the version that this was written on. */
  etag: string | null;
}

function Edit({ origin }: { origin: Origin }) {
  const { stored } = origin;
  const kept = useDraft<Kept>(
    `policy.${stored.policy_key}@${stored.version}`,
    { policy: documentOf(stored), etag: origin.etag },
    localStorage,
  );
  const draft: Draft<Policy> = {
    ...kept,
    value: kept.value.policy,
    set: (policy) => kept.set({ policy, etag: kept.value.etag }),
  };
  return <Designer draft={draft} origin={{ stored, etag: kept.value.etag }} />;
}

interface Props {
  draft: Draft<Policy>;
  origin: Origin | undefined;
}

function Designer({ draft, origin }: Props) {
  const t = useT();
  const me = useMe();
  const url = useUrl();
  const lint = useLint(draft.value);
  const view = url.get("view") === "document" ? "document" : "form";
  if (!me.is_admin)
    return (
      <Page title={t("policy.new")}>
        <Empty title={t("designer.forbidden")} icon="key" />
      </Page>
    );
  const title = !origin
    ? t("policy.new")
    : origin.stored.status === "draft"
      ? t("designer.editing", { key: origin.stored.policy_key, version: origin.stored.version })
      : t("designer.from", { key: origin.stored.policy_key, version: origin.stored.version });
  return (
    <Page title={title} actions={<SaveBar draft={draft} origin={origin} lint={lint} />}>
      {draft.restored && (
        <Alert icon={<Icon name="info" />} role="status">
          <Group justify="space-between">
            <Text size="sm">{t("designer.restored")}</Text>
            <Button size="xs" variant="default" onClick={draft.forget}>
              {t("designer.discard")}
            </Button>
          </Group>
        </Alert>
      )}
      <Tabs
        value={view}
        onChange={(next) => url.set({ view: next === "document" ? next : undefined }, { replace: true })}
        keepMounted={false}
      >
        <Tabs.List>
          <Tabs.Tab value="form">{t("designer.form")}</Tabs.Tab>
          <Tabs.Tab value="document">{t("designer.document")}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="form" pt="md">
          <Forms
            policy={draft.value}
            onChange={draft.set}
            problems={draft.value === BLANK ? [] : lint.problems}
            isKeyFixed={origin !== undefined}
          />
        </Tabs.Panel>
        <Tabs.Panel value="document" pt="md">
          <Suspense fallback={<Skeleton height={400} />}>
            <Code
              label={t("designer.document")}
              value={draft.value}
              onChange={(value) => draft.set(value as Policy)}
              problems={lint.problems}
            />
          </Suspense>
        </Tabs.Panel>
      </Tabs>
      {lint.error ? <ErrorNote error={lint.error} /> : <Problems lint={lint} policy={draft.value} />}
    </Page>
  );
}

interface FormsProps {
  policy: Policy;
  onChange: (policy: Policy) => void;
  problems: Problem[];
  isKeyFixed: boolean;
}

function Forms({ policy, onChange, problems, isKeyFixed }: FormsProps) {
  const t = useT();
  const url = useUrl();
  const stages = policy.stages ?? [];
  const chosen = stages[Number(url.get("stage"))] ? Number(url.get("stage")) : undefined;
  const flow = usePolicyFlow(stages, { problems: problemCounts(problems) });
  const choose = (at: number | undefined) =>
    url.set({ stage: at === undefined ? undefined : String(at) }, { replace: true });
  const setStages = (next: typeof stages) => onChange({ ...policy, stages: next });
  const add = () => {
    setStages([...stages, newStage(stages)]);
    choose(stages.length);
  };
  return (
    <div className="admin-designer">
      <Section
        title={t("policy.tab.picture")}
        actions={
          <Button size="xs" leftSection={<Icon name="plus" size={14} />} onClick={add}>
            {t("designer.addStage")}
          </Button>
        }
      >
        <FlowPicture
          label={t("policy.tab.picture")}
          stages={flow}
          begin={t("request.asked")}
          end={{ tone: "good", text: t("state.request.approved") }}
          onChoose={(id) => choose(Number(id))}
          chosen={chosen === undefined ? undefined : String(chosen)}
        />
        {stages.length === 0 && (
          <Empty title={t("designer.noStages")} icon="alert">
            {t("designer.noStages.why")}
          </Empty>
        )}
        <Button
          mt="sm"
          variant={chosen === undefined ? "light" : "default"}
          fullWidth
          onClick={() => choose(undefined)}
        >
          {t("designer.policyItself")}
        </Button>
      </Section>
      <Stack>
        {chosen === undefined || !stages[chosen] ? (
          <PolicyForm policy={policy} onChange={onChange} problems={problems} isKeyFixed={isKeyFixed} />
        ) : (
          <StageForm
            key={chosen}
            policy={policy}
            at={chosen}
            problems={problems}
            onChange={setStages}
            onMove={(to) => {
              setStages(moved(stages, chosen, to));
              choose(to);
            }}
            onRemove={() => {
              setStages(renumbered(stages.filter((_, at) => at !== chosen)));
              choose(undefined);
            }}
          />
        )}
      </Stack>
    </div>
  );
}
