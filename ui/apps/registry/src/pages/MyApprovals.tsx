/** What waits for whoever is signed in. */

import { type Column, Empty, Page, QueryTable, Status, Time, useNow } from "@awe/kit";
import type { UseQueryResult } from "@tanstack/react-query";
import type { Listed } from "../api/client.tsx";
import { useMyApprovals } from "../api/queries.ts";
import type { MyApproval } from "../api/types.ts";
import { useT } from "../api/words.ts";
import { What } from "../parts/parts.tsx";

export function MyApprovals() {
  const t = useT();
  const mine = useMyApprovals();
  // The list comes whole: it has one page.
  const query = {
    ...mine,
    data: mine.data && { items: mine.data, nextCursor: undefined },
  } as UseQueryResult<Listed<MyApproval>>;
  const columns: Column<MyApproval>[] = [
    { id: "what", title: t("change.what"), cell: ({ change_request }) => <What change={change_request} /> },
    { id: "stage", title: t("mine.stage"), cell: ({ task }) => <bdi>{task.stage_name ?? "–"}</bdi> },
    {
      id: "requester",
      title: t("change.requester"),
      cell: ({ change_request }) => <bdi>{change_request.requester}</bdi>,
    },
    { id: "due", title: t("mine.due"), cell: ({ task }) => <Due at={task.due_at} /> },
    {
      id: "since",
      title: t("mine.since"),
      cell: ({ task }) => <Time at={task.created_at} as="relative" />,
      minor: true,
    },
  ];
  return (
    <Page title={t("nav.mine")} subtitle={mine.data && t("mine.count", { count: mine.data.length })}>
      <QueryTable
        caption={t("nav.mine")}
        columns={columns}
        query={query}
        id={({ task }) => task.id}
        empty={
          <Empty title={t("mine.empty")} icon="check">
            {t("mine.empty.why")}
          </Empty>
        }
      />
    </Page>
  );
}

function Due({ at }: { at: string | null }) {
  const t = useT();
  const now = useNow();
  if (!at) return <>{t("mine.noDeadline")}</>;
  if (Date.parse(at) >= now) return <Time at={at} as="relative" />;
  return (
    <Status tone="bad" icon="clock">
      {t("mine.overdue")} · <Time at={at} as="relative" />
    </Status>
  );
}
