/** What happened to a request, from its events, a bounded number at a time. */

import type { Schemas } from "@awe/client";
import {
  DataTable,
  Empty,
  ErrorNote,
  type Happening,
  type IconName,
  Section,
  Timeline,
  type Tone,
  usePollInterval,
} from "@awe/kit";
import { Button, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useApi } from "../../api/client.tsx";
import { useStateWord, useT } from "../../api/words.ts";
import { Person } from "../../parts/Person.tsx";

type Event = Schemas["EventOut"];
/** A request that ran for years may have a long history: this many are drawn, and more on demand. */
const STEP = 200;

const LOOKS: Readonly<Record<string, { tone: Tone; icon: IconName }>> = {
  request_created: { tone: "busy", icon: "plus" },
  stage_started: { tone: "busy", icon: "users" },
  stage_completed: { tone: "good", icon: "check" },
  stage_skipped: { tone: "quiet", icon: "skip" },
  stage_resolution_failed: { tone: "warn", icon: "alert" },
  stage_escalated: { tone: "warn", icon: "up" },
  stage_escalation_failed: { tone: "bad", icon: "alert" },
  task_expired: { tone: "warn", icon: "clock" },
  task_reassigned: { tone: "quiet", icon: "swap" },
  task_claimed: { tone: "quiet", icon: "user" },
  request_approved: { tone: "good", icon: "check" },
  request_rejected: { tone: "bad", icon: "cross" },
  request_cancelled: { tone: "quiet", icon: "cross" },
  request_expired: { tone: "warn", icon: "clock" },
};

function lookOf(event: Event): { tone: Tone; icon: IconName } {
  if (event.event_type !== "decision_recorded") return LOOKS[event.event_type] ?? { tone: "quiet", icon: "info" };
  const action = event.payload.action;
  if (action === "approve") return { tone: "good", icon: "check" };
  return action === "reject" ? { tone: "bad", icon: "cross" } : { tone: "quiet", icon: "minus" };
}

export function History({ requestId }: { requestId: string }) {
  const t = useT();
  const api = useApi();
  const word = useStateWord();
  const poll = usePollInterval();
  const [most, setMost] = useState(STEP);
  const query = useQuery({
    queryKey: ["request", requestId, "events", most],
    queryFn: async ({ signal }) => {
      const events: Event[] = [];
      for await (const event of api.events(requestId, 0, { signal })) {
        events.push(event);
        if (events.length > most) break;
      }
      return events;
    },
    refetchInterval: poll,
    placeholderData: (before) => before,
  });
  if (query.isError && !query.data)
    return (
      <Section title={t("history.title")}>
        <ErrorNote error={query.error} onRetry={() => query.refetch()} />
      </Section>
    );
  const shown = (query.data ?? []).slice(0, most);
  const happenings: Happening[] = shown.map((event) => ({
    id: event.id,
    at: event.created_at,
    title: <Title event={event} words={word("event", event.event_type)} />,
    detail: <Detail event={event} />,
    ...lookOf(event),
  }));
  return (
    <Section title={t("history.title")}>
      {query.isPending && <Skeleton height={160} />}
      {query.isSuccess && happenings.length === 0 && <Empty title={t("history.empty")} icon="clock" />}
      <Timeline label={t("history.title")} happenings={happenings} />
      {(query.data?.length ?? 0) > most && (
        <Button variant="default" onClick={() => setMost(most + STEP)} loading={query.isFetching}>
          {t("history.more", { count: STEP })}
        </Button>
      )}
    </Section>
  );
}

function Title({ event, words }: { event: Event; words: string }): ReactNode {
  const t = useT();
  const word = useStateWord();
  const { action, stage_name: stage } = event.payload as { action?: string; stage_name?: string };
  return (
    <>
      <strong>{event.event_type === "decision_recorded" && action ? word("action", action) : words}</strong>
      {stage && <> · {stage}</>} · {t("history.by")} <Person id={event.actor} />
    </>
  );
}

function Detail({ event }: { event: Event }): ReactNode {
  const t = useT();
  const { comment, ...rest } = event.payload as { comment?: string };
  return (
    <>
      {event.reason && <p className="kit-dim">{event.reason.replaceAll("_", " ")}</p>}
      {comment && (
        <blockquote dir="auto" className="admin-summary">
          {comment}
        </blockquote>
      )}
      {Object.keys(rest).length > 0 && (
        <details className="kit-no-print">
          <summary>{t("history.detail")}</summary>
          <DataTable data={rest} label={t("history.detail")} />
        </details>
      )}
    </>
  );
}
