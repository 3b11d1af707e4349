/** One policy: its versions, and what one of them says and would do. */

import { ErrorNote, Facts, FlowPicture, Page, Section, Status, Time, useUrl } from "@awe/kit";
import { Button, Group, NativeSelect, Skeleton, Tabs, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import { useApi, useMe } from "../../api/client.tsx";
import { toneOf, useStateWord, useT } from "../../api/words.ts";
import { PersonWithId } from "../../parts/Person.tsx";
import { usePolicyFlow } from "../../parts/policyFlow.tsx";
import { Activation, type Change } from "./Activation.tsx";
import { Compare } from "./Compare.tsx";
import { documentOf, type Stored } from "./model.ts";
import { Replay } from "./Replay.tsx";
import { Simulate } from "./Simulate.tsx";

const Code = lazy(() => import("../../parts/Code.tsx"));
const TABS = ["picture", "document", "compare", "simulate", "replay"] as const;

export function PolicyPage() {
  const t = useT();
  const api = useApi();
  const url = useUrl();
  const { key } = useParams({ strict: false }) as { key: string };
  const versions = useQuery({
    queryKey: ["policy", key, "versions"],
    queryFn: ({ signal }) => api.call("list_policy_versions", { path: { policy_key: key } }, { signal }),
  });
  const list = [...(versions.data ?? [])].sort((a, b) => b.version - a.version);
  const active = list.find((one) => one.status === "active");
  const wanted = Number(url.get("version"));
  const version = list.find((one) => one.version === wanted)?.version ?? active?.version ?? list[0]?.version;
  const policy = useQuery({
    queryKey: ["policy", key, version],
    queryFn: ({ signal }) =>
      api.answer("get_policy_version", { path: { policy_key: key, version: version ?? 0 } }, { signal }),
    enabled: version !== undefined,
  });
  const error = versions.error ?? policy.error;
  if (error)
    return (
      <Page title={key}>
        <ErrorNote error={error} onRetry={() => versions.refetch().then(() => policy.refetch())} />
      </Page>
    );
  if (!policy.data || !versions.data)
    return (
      <Page title={key}>
        <Skeleton height={320} />
      </Page>
    );
  return (
    <One
      stored={policy.data.value}
      etag={policy.data.headers.get("etag")}
      versions={list}
      active={active?.version}
      label={t("policy.version")}
    />
  );
}

interface Props {
  stored: Stored;
  etag: string | null;
  versions: { version: number; status: string; created_at: string }[];
  active: number | undefined;
  label: string;
}

function One({ stored, etag, versions, active, label }: Props) {
  const t = useT();
  const word = useStateWord();
  const url = useUrl();
  const me = useMe();
  const [change, setChange] = useState<Change>();
  const tab = TABS.find((one) => one === url.get("tab")) ?? "picture";
  return (
    <Page
      title={stored.name}
      subtitle={
        <>
          <span className="kit-code">{stored.policy_key}</span>{" "}
          <Status tone={toneOf(stored.status)}>{word("policy", stored.status)}</Status>
        </>
      }
      actions={
        me.is_admin && (
          <>
            <Button
              component={Link}
              variant="default"
              to={`/policies/${encodeURIComponent(stored.policy_key)}/edit/${stored.version}`}
            >
              {stored.status === "draft" ? t("policy.edit") : t("policy.newVersion", { version: stored.version })}
            </Button>
            {stored.status === "active" ? (
              <Button variant="outline" color="red" onClick={() => setChange("deactivate")}>
                {t("policy.deactivate")}
              </Button>
            ) : (
              <Button onClick={() => setChange("activate")}>
                {stored.status === "archived" ? t("policy.rollBack") : t("policy.activate")}
              </Button>
            )}
          </>
        )
      }
    >
      <Group align="end" gap="md">
        <NativeSelect
          label={label}
          value={String(stored.version)}
          onChange={(event) => url.set({ version: event.currentTarget.value })}
          data={versions.map((one) => ({
            value: String(one.version),
            label: `${one.version} · ${word("policy", one.status)}`,
          }))}
        />
        <Text size="sm" c="dimmed" component="div">
          {t("request.created")} <Time at={stored.created_at} /> ·{" "}
          {stored.created_by && <PersonWithId id={stored.created_by} />}
        </Text>
      </Group>
      <Tabs
        value={tab}
        onChange={(next) => url.set({ tab: next === "picture" ? undefined : (next ?? undefined) })}
        keepMounted={false}
      >
        <Tabs.List>
          {TABS.map((one) => (
            <Tabs.Tab key={one} value={one}>
              {t(`policy.tab.${one}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="picture" pt="md">
          <Picture stored={stored} />
        </Tabs.Panel>
        <Tabs.Panel value="document" pt="md">
          <Suspense fallback={<Skeleton height={300} />}>
            <Code label={t("policy.tab.document")} value={documentOf(stored)} readOnly />
          </Suspense>
        </Tabs.Panel>
        <Tabs.Panel value="compare" pt="md">
          <Compare stored={stored} versions={versions} active={active} />
        </Tabs.Panel>
        <Tabs.Panel value="simulate" pt="md">
          <Simulate key={stored.id} stored={stored} />
        </Tabs.Panel>
        <Tabs.Panel value="replay" pt="md">
          <Replay key={stored.id} stored={stored} />
        </Tabs.Panel>
      </Tabs>
      <Activation stored={stored} etag={etag} active={active} change={change} onClose={() => setChange(undefined)} />
    </Page>
  );
}

function Picture({ stored }: { stored: Stored }) {
  const t = useT();
  const flow = usePolicyFlow(stored.stages);
  const schema = stored.context_schema as { required?: string[]; properties?: Record<string, unknown> } | null;
  return (
    <div className="admin-two">
      <Section title={t("policy.tab.picture")}>
        <FlowPicture
          label={t("policy.tab.picture")}
          stages={flow}
          begin={t("request.asked")}
          end={{ tone: "good", text: t("state.request.approved") }}
        />
      </Section>
      <Section title={t("policy.rules")}>
        {stored.description && (
          <Text mb="sm" dir="auto">
            {stored.description}
          </Text>
        )}
        <Facts
          facts={[
            [t("request.artifactType"), stored.artifact_type],
            [t("policy.selfApproval"), stored.forbid_self_approval ? t("policy.forbidden") : t("policy.allowed")],
            [t("policy.repeat"), stored.forbid_repeat_approvers ? t("policy.forbidden") : t("policy.allowed")],
            [t("policy.needs"), schema?.required?.join(", ")],
            [
              t("policy.sha"),
              stored.text_sha256 ? (
                <span key="s" className="kit-code">
                  {stored.text_sha256.slice(0, 16)}…
                </span>
              ) : null,
            ],
          ]}
        />
      </Section>
    </div>
  );
}
