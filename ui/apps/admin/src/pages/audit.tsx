/** What administrators did, with what was before and what came after. */

import type { Schemas } from "@awe/client";
import {
  type Column,
  Copy,
  DataTable,
  Difference,
  Empty,
  Export,
  Facts,
  FilterBar,
  Page,
  QueryTable,
  Time,
  useUrl,
} from "@awe/kit";
import { Drawer, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useApi } from "../api/client.tsx";
import { useT } from "../api/words.ts";
import { Person } from "../parts/Person.tsx";
import { useRowKeys } from "./inbox/keys.ts";

type Entry = Schemas["AuditActionOut"];
const LIMIT = 50;
const KINDS = ["policy", "request", "task", "delegation", "delivery", "callback_secret", "system_config"];

export function Audit() {
  const t = useT();
  const url = useUrl();
  const api = useApi();
  useRowKeys();
  const { entry, ...filters } = url.all;
  const query = useQuery({
    queryKey: ["audit", filters],
    queryFn: ({ signal }) => api.page("list_audit_actions", { query: { ...filters, limit: LIMIT } }, { signal }),
    refetchOnWindowFocus: false,
  });
  const entries = query.data?.items ?? [];
  const columns: Column<Entry>[] = [
    { id: "when", title: t("seats.when"), cell: (one) => <Time at={one.occurred_at} as="second" /> },
    { id: "who", title: t("audit.actor"), cell: (one) => <Person id={one.actor} name={one.actor_email} /> },
    { id: "what", title: t("audit.what"), cell: (one) => <What entry={one} /> },
    {
      id: "on",
      title: t("audit.resource"),
      cell: (one) => (
        <div>
          {one.resource_type.replaceAll("_", " ")}
          <Text size="sm" c="dimmed" component="div" className="kit-break">
            {one.resource_id}
          </Text>
        </div>
      ),
      minor: true,
    },
  ];
  return (
    <Page title={t("nav.audit")} actions={<Export name="audit" rows={entries.map((one) => ({ ...one }))} />}>
      <FilterBar
        filters={[
          { kind: "text", name: "search_text", label: t("filter.words"), wide: true },
          { kind: "text", name: "actor", label: t("audit.actor") },
          { kind: "text", name: "action", label: t("audit.action"), placeholder: "policy.activate" },
          {
            kind: "choice",
            name: "resource_type",
            label: t("audit.resource"),
            anything: t("filter.any"),
            options: KINDS.map((value) => ({ value, label: value.replaceAll("_", " ") })),
          },
          { kind: "text", name: "resource_id", label: t("audit.resourceId") },
          { kind: "moment", name: "since", label: t("requests.since") },
          { kind: "moment", name: "until", label: t("requests.until") },
        ]}
      />
      <QueryTable
        caption={t("nav.audit")}
        columns={columns}
        query={query}
        id={(one) => one.id}
        current={entry}
        empty={
          <Empty title={t("audit.empty")} icon="audit">
            {t("requests.empty.why")}
          </Empty>
        }
      />
      <Drawer
        opened={entry !== undefined}
        onClose={() => url.set({ entry: undefined })}
        position="right"
        size="lg"
        title={t("audit.entry")}
        closeButtonProps={{ "aria-label": t("bulk.close") }}
      >
        <Detail entry={entries.find((one) => one.id === entry)} />
      </Drawer>
    </Page>
  );
}

function What({ entry }: { entry: Entry }) {
  const url = useUrl();
  return (
    <Link to="." search={{ ...url.all, entry: entry.id } as never} data-row-link resetScroll={false}>
      {entry.summary ?? entry.action}
    </Link>
  );
}

function Detail({ entry }: { entry: Entry | undefined }) {
  const t = useT();
  if (!entry)
    return (
      <Empty title={t("audit.elsewhere")} icon="search">
        {t("audit.elsewhere.why")}
      </Empty>
    );
  return (
    <Stack>
      <Text fw={600}>{entry.summary}</Text>
      <Facts
        facts={[
          [
            t("audit.action"),
            <span key="a" className="kit-code">
              {entry.action}
            </span>,
          ],
          [t("seats.when"), <Time key="w" at={entry.occurred_at} as="second" />],
          [t("audit.actor"), <Person key="p" id={entry.actor} />],
          [t("audit.resource"), <Copy key="r" text={entry.resource_id} label={t("copy.id")} />],
        ]}
      />
      <Title order={3} size="h5">
        {t("audit.change")}
      </Title>
      <Difference before={entry.before} after={entry.after} />
      {entry.metadata_ && (
        <>
          <Title order={3} size="h5">
            {t("audit.more")}
          </Title>
          <DataTable data={entry.metadata_} label={t("audit.more")} />
        </>
      )}
    </Stack>
  );
}
