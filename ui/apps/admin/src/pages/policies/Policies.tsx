/** All policies, each with the version that new requests use, or its newest. */

import type { Schemas } from "@awe/client";
import {
  type Column,
  draftsUnder,
  Empty,
  Export,
  FilterBar,
  Page,
  QueryTable,
  Section,
  Status,
  Time,
  useUrl,
} from "@awe/kit";
import { Button, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useApi, useMe } from "../../api/client.tsx";
import { POLICY_STATUSES, toneOf, useStateWord, useT } from "../../api/words.ts";
import { useRowKeys } from "../inbox/keys.ts";

type Policy = Schemas["PolicyOut"];

export function Policies() {
  const t = useT();
  const word = useStateWord();
  const api = useApi();
  const me = useMe();
  const url = useUrl();
  useRowKeys();
  const text = (url.get("search_text") ?? "").toLocaleLowerCase();
  const status = url.get("status");
  const all = useQuery({ queryKey: ["policies"], queryFn: ({ signal }) => api.call("list_policies", {}, { signal }) });
  const fits = (one: Policy) =>
    (!status || one.status === status) &&
    `${one.name} ${one.policy_key} ${one.artifact_type} ${one.description ?? ""}`.toLocaleLowerCase().includes(text);
  const items = (all.data ?? []).filter(fits);
  const query = { ...all, data: all.data && { items } } as never;
  const columns: Column<Policy>[] = [
    {
      id: "name",
      title: t("policy.name"),
      cell: (one) => (
        <div>
          <Link to="/policies/$key" params={{ key: one.policy_key }} data-row-link className="admin-row-link">
            <bdi>{one.name}</bdi>
          </Link>
          <Text size="sm" c="dimmed" component="div" className="kit-code">
            {one.policy_key}
          </Text>
        </div>
      ),
    },
    { id: "type", title: t("request.artifactType"), cell: (one) => <bdi>{one.artifact_type}</bdi> },
    { id: "version", title: t("policy.version"), cell: (one) => one.version, align: "end" },
    {
      id: "status",
      title: t("request.status"),
      cell: (one) => <Status tone={toneOf(one.status)}>{word("policy", one.status)}</Status>,
    },
    { id: "stages", title: t("policy.stages"), cell: (one) => one.stages.length, align: "end" },
    {
      id: "updated",
      title: t("request.updated"),
      cell: (one) => <Time at={one.updated_at} as="relative" />,
      minor: true,
    },
  ];
  return (
    <Page
      title={t("nav.policies")}
      actions={
        <>
          <Export
            name="policies"
            rows={items.map(({ stages, context_schema, ...rest }) => ({ ...rest, stages: stages.length }))}
          />
          {me.is_admin && (
            <Button component={Link} to="/policies/new">
              {t("policy.new")}
            </Button>
          )}
        </>
      }
    >
      {me.is_admin && <Unsaved />}
      <FilterBar
        filters={[
          { kind: "text", name: "search_text", label: t("filter.words"), wide: true },
          {
            kind: "choice",
            name: "status",
            label: t("request.status"),
            anything: t("filter.any"),
            options: POLICY_STATUSES.map((value) => ({ value, label: word("policy", value) })),
          },
        ]}
      />
      <QueryTable
        caption={t("nav.policies")}
        columns={columns}
        query={query}
        id={(one) => one.policy_key}
        empty={
          <Empty title={t("policies.empty")} icon="flow">
            {t("policies.empty.why")}
          </Empty>
        }
      />
    </Page>
  );
}

/** What was written here and not saved yet. */
function Unsaved() {
  const t = useT();
  const [names] = useState(() => draftsUnder("policy.", localStorage));
  if (names.length === 0) return null;
  return (
    <Section title={t("policies.unsaved")}>
      <ul className="admin-plain">
        {names.map((name) => {
          const at = name.lastIndexOf("@");
          const [key, version] = [name.slice(0, at), name.slice(at + 1)];
          return (
            <li key={name}>
              {key === "" ? (
                <Link to="/policies/new">{t("policy.new")}</Link>
              ) : (
                <Link to="/policies/$key/edit/$version" params={{ key, version }}>
                  {t("policies.unsaved.of", { key, version })}
                </Link>
              )}
            </li>
          );
        })}
      </ul>
    </Section>
  );
}
