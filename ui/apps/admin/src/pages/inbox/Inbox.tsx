/** What waits for me, due first. */

import { type Column, Empty, Export, FilterBar, Page, QueryTable, Status, Time, useNow, useUrl } from "@awe/kit";
import { Button, Group, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import { useT } from "../../api/words.ts";
import { Person } from "../../parts/Person.tsx";
import { useRowKeys } from "./keys.ts";
import { type Task, titleOf, useQueue } from "./queue.ts";

const Bulk = lazy(() => import("./Bulk.tsx").then((one) => ({ default: one.Bulk })));

export function Inbox() {
  const t = useT();
  const url = useUrl();
  const { query, news } = useQueue(url.all);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [isDeciding, setDeciding] = useState(false);
  const tasks = query.data?.items ?? [];
  const chosen = tasks.filter((task) => selected.has(task.id));
  useRowKeys();
  const columns: Column<Task>[] = [
    { id: "what", title: t("inbox.what"), cell: (task) => <What task={task} search={url.all} /> },
    { id: "stage", title: t("inbox.stage"), cell: (task) => task.stage_name ?? task.stage_order },
    { id: "requester", title: t("request.requester"), cell: (task) => <Person id={task.requester} /> },
    { id: "due", title: t("inbox.due"), cell: (task) => <Due at={task.due_at} /> },
    { id: "since", title: t("inbox.since"), cell: (task) => <Time at={task.created_at} as="relative" />, minor: true },
  ];
  const total = query.data?.total ?? 0;
  return (
    <Page
      title={t("nav.inbox")}
      subtitle={query.isSuccess ? t("inbox.count", { count: total }) : t("inbox.counting")}
      actions={
        <Export
          name="inbox"
          rows={tasks.map(
            ({ id, request_id, title, artifact_type, artifact_id, stage_name, requester, due_at, created_at }) => ({
              id,
              request_id,
              title,
              artifact_type,
              artifact_id,
              stage_name,
              requester,
              due_at,
              created_at,
            }),
          )}
        />
      }
    >
      <FilterBar
        filters={[
          { kind: "text", name: "search_text", label: t("filter.words"), wide: true },
          { kind: "text", name: "policy_key", label: t("request.policy") },
          { kind: "text", name: "artifact_type", label: t("request.artifactType") },
          {
            kind: "choice",
            name: "overdue",
            label: t("inbox.due"),
            anything: t("filter.any"),
            options: [{ value: "true", label: t("inbox.overdueOnly") }],
          },
        ]}
      />
      <div className="admin-bulk" data-shown={chosen.length > 0 || undefined}>
        <Text size="sm">{t("bulk.chosen", { count: chosen.length })}</Text>
        <Group gap="xs">
          <Button size="sm" disabled={chosen.length === 0} onClick={() => setDeciding(true)}>
            {t("bulk.decide", { count: chosen.length })}
          </Button>
          <Button size="sm" variant="default" disabled={chosen.length === 0} onClick={() => setSelected(new Set())}>
            {t("bulk.none")}
          </Button>
        </Group>
      </div>
      <QueryTable
        caption={t("nav.inbox")}
        columns={columns}
        query={query}
        id={(task) => task.id}
        news={news}
        selection={{
          selected,
          onChange: setSelected,
          label: (id) => t("inbox.select", { what: titleOf(tasks.find((task) => task.id === id) ?? {}) }),
        }}
        empty={
          <Empty title={t("inbox.empty")} icon="check">
            {t("inbox.empty.why")}
          </Empty>
        }
      />
      {query.isSuccess && (
        <Text size="sm" c="dimmed" className="kit-no-print" visibleFrom="sm">
          {t("inbox.keys")}
        </Text>
      )}
      {isDeciding && (
        <Suspense>
          <Bulk tasks={chosen} opened onClose={() => setDeciding(false)} onDone={() => setSelected(new Set())} />
        </Suspense>
      )}
    </Page>
  );
}

function What({ task, search }: { task: Task; search: object }) {
  return (
    <div>
      <Link
        to="/inbox/$requestId/$taskId"
        params={{ requestId: task.request_id, taskId: task.id }}
        search={search as never}
        data-row-link
        className="admin-row-link"
      >
        <bdi>{titleOf(task)}</bdi>
      </Link>
      {task.summary && (
        <Text size="sm" c="dimmed" lineClamp={2} component="div" dir="auto">
          {task.summary}
        </Text>
      )}
    </div>
  );
}

export function Due({ at }: { at: string | null | undefined }) {
  const t = useT();
  const now = useNow();
  if (!at) return <>{t("inbox.noDeadline")}</>;
  const isOver = Date.parse(at) < now;
  const isSoon = Date.parse(at) - now < 24 * 3_600_000;
  if (!isOver && !isSoon) return <Time at={at} as="relative" />;
  return (
    <Status tone={isOver ? "bad" : "warn"} icon="clock">
      {isOver ? t("inbox.overdue") : t("inbox.soon")} · <Time at={at} as="relative" />
    </Status>
  );
}
