/** One task: what it is about, what was said before, and one place to decide. */

import { ApiError } from "@awe/client";
import { DataTable, Empty, ErrorNote, Facts, Icon, Outward, Page, Section, Status, Time, useUrl } from "@awe/kit";
import { Alert, Button, Group, Skeleton, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useApi } from "../../api/client.tsx";
import { toneOf, useStateWord, useT } from "../../api/words.ts";
import { Person } from "../../parts/Person.tsx";
import { DecisionForm } from "./DecisionForm.tsx";
import { Due } from "./Inbox.tsx";
import { type Task, titleOf, useQueue } from "./queue.ts";

export function TaskPage() {
  const t = useT();
  const api = useApi();
  const url = useUrl();
  const { requestId, taskId } = useParams({ strict: false }) as { requestId: string; taskId: string };
  const navigate = useNavigate();
  const { query: queue } = useQueue(url.all);
  const own = useQuery({
    queryKey: ["tasks", "one", taskId],
    queryFn: ({ signal }) => api.call("get_task", { path: { task_id: taskId } }, { signal }),
    retry: (failures, failure) => !isGone(failure) && failures < 3,
  });
  // What others have said; a request with more seats than this has its own page.
  const tasks = useQuery({
    queryKey: ["tasks", "of", requestId],
    queryFn: ({ signal }) =>
      api.call("list_tasks", { query: { request_id: requestId, assignee: "*", page_size: 200 } }, { signal }),
  });
  const task = own.data;
  const waiting = (queue.data?.items ?? []).filter((one) => one.id !== taskId);
  const at = (queue.data?.items ?? []).findIndex((one) => one.id === taskId);
  const next = queue.data?.items.slice(at + 1).find((one) => one.id !== taskId) ?? waiting[0];
  const goOn = () => {
    const search = url.all as never;
    if (next)
      navigate({ to: "/inbox/$requestId/$taskId", params: { requestId: next.request_id, taskId: next.id }, search });
    else navigate({ to: "/inbox", search });
  };
  const back = (
    <Link to="/inbox" search={url.all as never} className="admin-back">
      <Icon name="back" size={14} /> {t("task.back")}
    </Link>
  );
  if (own.isError && !isGone(own.error))
    return (
      <Page title={t("task.title")} subtitle={back}>
        <ErrorNote error={own.error} onRetry={() => own.refetch()} />
      </Page>
    );
  if (own.isPending)
    return (
      <Page title={t("task.title")} subtitle={back}>
        <Skeleton height={240} />
      </Page>
    );
  if (!task)
    return (
      <Page title={t("task.title")} subtitle={back}>
        <Empty title={t("task.gone")} icon="search">
          {t("task.gone.why")}
        </Empty>
      </Page>
    );
  return (
    <Page
      title={titleOf(task)}
      subtitle={back}
      actions={
        <Text size="sm" c="dimmed">
          {t("task.left", { count: waiting.length })}
        </Text>
      }
    >
      <div className="admin-task">
        <Stack>
          <About task={task} />
          <Section title={t("task.context")}>
            <DataTable data={task.context} label={t("task.context")} />
          </Section>
          {tasks.isError ? (
            <ErrorNote error={tasks.error} onRetry={() => tasks.refetch()} />
          ) : (
            <Before tasks={tasks.data?.items ?? []} />
          )}
        </Stack>
        <div className="admin-decide">
          <Decide key={task.id} task={task} next={next} onNext={goOn} />
        </div>
      </div>
    </Page>
  );
}

function isGone(failure: unknown): boolean {
  return failure instanceof ApiError && failure.status === 404;
}

function About({ task }: { task: Task }) {
  const t = useT();
  return (
    <Section title={t("task.about")}>
      {task.summary && (
        <Text mb="sm" dir="auto" className="admin-summary">
          {task.summary}
        </Text>
      )}
      <Facts
        facts={[
          [
            t("request.artifact"),
            <bdi key="a">{[task.artifact_type, task.artifact_id].filter(Boolean).join(" ")}</bdi>,
          ],
          [t("request.requester"), <Person key="p" id={task.requester} />],
          [t("inbox.stage"), task.stage_name ?? String(task.stage_order)],
          [t("inbox.due"), <Due key="d" at={task.due_at} />],
          [t("inbox.since"), <Time key="s" at={task.created_at} />],
          ...(task.delegated_from
            ? [[t("task.delegatedFrom"), <Person key="f" id={task.delegated_from} />] as [string, React.ReactNode]]
            : []),
        ]}
      />
      <Group mt="sm" gap="md">
        {task.artifact_url && <Outward href={task.artifact_url}>{t("request.lookAt")}</Outward>}
        <Link to="/requests/$requestId" params={{ requestId: task.request_id }}>
          {t("task.wholeRequest")}
        </Link>
      </Group>
    </Section>
  );
}

function Before({ tasks }: { tasks: Task[] }) {
  const t = useT();
  const word = useStateWord();
  const decided = tasks.filter((task) => task.decision_action);
  decided.sort((a, b) => (a.completed_at ?? "").localeCompare(b.completed_at ?? ""));
  return (
    <Section title={t("task.before")}>
      {decided.length === 0 && <Text c="dimmed">{t("task.before.none")}</Text>}
      <ul className="admin-said">
        {decided.map((task) => (
          <li key={task.id}>
            <Status tone={toneOf(task.decision_action ?? "")}>{word("action", task.decision_action ?? "")}</Status>{" "}
            <strong>
              <Person id={task.assignee} name={task.assignee_name} />
            </strong>{" "}
            <span className="kit-dim">
              {task.stage_name} · <Time at={task.completed_at} />
            </span>
            {task.decision_comment && <blockquote dir="auto">{task.decision_comment}</blockquote>}
          </li>
        ))}
      </ul>
    </Section>
  );
}

const STILL_OPEN = new Set(["open", "claimed", "expired"]);

function Decide({ task, next, onNext }: { task: Task; next: Task | undefined; onNext: () => void }) {
  const t = useT();
  const word = useStateWord();
  const isOver = task.request_status !== "in_review" && task.request_status !== "pending";
  if (task.decision_action || isOver || !STILL_OPEN.has(task.status)) {
    return (
      <Section title={t("decide.label")}>
        <Alert color="gray" icon={<Icon name="info" />} role="status">
          {task.decision_action
            ? t("decide.closed.decided", { action: word("action", task.decision_action) })
            : isOver
              ? t("decide.closed.over", { status: word("request", task.request_status ?? "") })
              : t("decide.closed.task", { status: word("task", task.status) })}
        </Alert>
        <Button mt="md" fullWidth onClick={onNext}>
          {next ? t("decide.next", { what: titleOf(next) }) : t("decide.toInbox")}
        </Button>
      </Section>
    );
  }
  return <DecisionForm task={task} onNext={onNext} next={next} />;
}
