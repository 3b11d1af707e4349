/** Requests, found by anything that somebody may quote. */

import type { Schemas } from "@awe/client";
import { type Column, Empty, Export, FilterBar, Page, QueryTable, Status, Time, useNews, useUrl } from "@awe/kit";
import { Text } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useApi } from "../../api/client.tsx";
import { REQUEST_STATUSES, toneOf, useStateWord, useT } from "../../api/words.ts";
import { Person } from "../../parts/Person.tsx";
import { useRowKeys } from "../inbox/keys.ts";
import { titleOf } from "../inbox/queue.ts";

type Request = Schemas["RequestOut"];
const LIMIT = 50;

export function Requests() {
  const t = useT();
  const word = useStateWord();
  const url = useUrl();
  const api = useApi();
  const client = useQueryClient();
  useRowKeys();
  const { overdue, ...words } = url.all;
  const filters = { ...words, overdue: overdue === "true" ? true : undefined, limit: LIMIT };
  const query = useQuery({
    queryKey: ["requests", filters],
    queryFn: ({ signal }) => api.page("list_requests", { query: filters }, { signal }),
    refetchOnWindowFocus: false,
  });
  const news = useNews((event) => event.event_type.startsWith("request_"));
  const show = () => {
    news.clear();
    client.invalidateQueries({ queryKey: ["requests"] });
  };
  const columns: Column<Request>[] = [
    { id: "what", title: t("request.what"), cell: (request) => <What request={request} /> },
    {
      id: "status",
      title: t("request.status"),
      cell: ({ status }) => <Status tone={toneOf(status)}>{word("request", status)}</Status>,
    },
    { id: "policy", title: t("request.policy"), cell: (one) => <bdi>{one.policy_key}</bdi>, minor: true },
    { id: "requester", title: t("request.requester"), cell: ({ requester }) => <Person id={requester} /> },
    { id: "created", title: t("request.created"), cell: ({ created_at }) => <Time at={created_at} /> },
    {
      id: "updated",
      title: t("request.updated"),
      cell: ({ updated_at }) => <Time at={updated_at} as="relative" />,
      minor: true,
    },
  ];
  const rows = (query.data?.items ?? []).map(({ context, callback_url, callback_events, ...rest }) => ({ ...rest }));
  return (
    <Page title={t("nav.requests")} actions={<Export name="requests" rows={rows} />}>
      <FilterBar
        filters={[
          { kind: "text", name: "search_text", label: t("filter.words"), placeholder: t("requests.words"), wide: true },
          {
            kind: "choice",
            name: "status",
            label: t("request.status"),
            anything: t("filter.any"),
            options: REQUEST_STATUSES.map((value) => ({ value, label: word("request", value) })),
          },
          { kind: "text", name: "policy_key", label: t("request.policy") },
          { kind: "text", name: "artifact_id", label: t("request.artifactId") },
          { kind: "text", name: "requester", label: t("request.requester") },
          { kind: "text", name: "assignee", label: t("requests.waitsFor") },
          { kind: "moment", name: "created_since", label: t("requests.since") },
          { kind: "moment", name: "created_until", label: t("requests.until") },
          {
            kind: "choice",
            name: "overdue",
            label: t("inbox.due"),
            anything: t("filter.any"),
            options: [{ value: "true", label: t("inbox.overdueOnly") }],
          },
        ]}
      />
      <QueryTable
        caption={t("nav.requests")}
        columns={columns}
        query={query}
        id={(request) => request.id}
        news={{ count: news.count, onShow: show }}
        empty={
          <Empty title={t("requests.empty")} icon="search">
            {t("requests.empty.why")}
          </Empty>
        }
      />
    </Page>
  );
}

function What({ request }: { request: Request }) {
  return (
    <div>
      <Link to="/requests/$requestId" params={{ requestId: request.id }} data-row-link className="admin-row-link">
        <bdi>{titleOf(request)}</bdi>
      </Link>
      {request.title && (
        <Text size="sm" c="dimmed" component="div">
          <bdi>
            {request.artifact_type} {request.artifact_id}
          </bdi>
        </Text>
      )}
    </div>
  );
}
