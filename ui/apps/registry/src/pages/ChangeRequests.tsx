/** Change requests, newest first. */

import { type Column, Empty, Export, FilterBar, Page, QueryTable, Time, usePollInterval, useUrl } from "@awe/kit";
import { useQuery } from "@tanstack/react-query";
import { useApi } from "../api/client.tsx";
import { type ChangeRequest, STATUSES } from "../api/types.ts";
import { useT } from "../api/words.ts";
import { ChangeStatus, What } from "../parts/parts.tsx";

const LIMIT = 50;

export function ChangeRequests() {
  const t = useT();
  const url = useUrl();
  const api = useApi();
  const poll = usePollInterval();
  const { status, register, section, requester, awaiting, cursor } = url.all;
  const asked = { status, register, section, requester, awaiting, cursor, limit: LIMIT };
  const query = useQuery({
    queryKey: ["change-requests", asked],
    queryFn: ({ signal }) => api.list<ChangeRequest>("/change-requests", asked, signal),
    refetchInterval: poll,
  });
  const columns: Column<ChangeRequest>[] = [
    { id: "what", title: t("change.what"), cell: (change) => <What change={change} /> },
    { id: "status", title: t("change.status"), cell: (change) => <ChangeStatus change={change} /> },
    { id: "requester", title: t("change.requester"), cell: ({ requester }) => <bdi>{requester}</bdi> },
    {
      id: "way",
      title: t("change.way"),
      cell: ({ awe_request_id }) => t(awe_request_id ? "change.gated" : "change.direct"),
      minor: true,
    },
    { id: "created", title: t("change.created"), cell: ({ created_at }) => <Time at={created_at} /> },
  ];
  return (
    <Page
      title={t("nav.changes")}
      actions={<Export name="change-requests" rows={(query.data?.items ?? []).map((one) => ({ ...one }))} />}
    >
      <FilterBar
        filters={[
          {
            kind: "choice",
            name: "status",
            label: t("change.status"),
            anything: t("filter.any"),
            options: STATUSES.map((value) => ({ value, label: t(`status.${value}`) })),
          },
          { kind: "text", name: "register", label: t("change.register") },
          { kind: "text", name: "section", label: t("change.section") },
          { kind: "text", name: "requester", label: t("change.requester") },
          {
            kind: "choice",
            name: "awaiting",
            label: t("filter.awaiting"),
            anything: t("filter.anybody"),
            options: [{ value: "me", label: t("filter.me") }],
          },
        ]}
      />
      <QueryTable
        caption={t("nav.changes")}
        columns={columns}
        query={query}
        id={(change) => change.change_request_id}
        empty={
          <Empty title={t("changes.empty")} icon="search">
            {t("changes.empty.why")}
          </Empty>
        }
      />
    </Page>
  );
}
