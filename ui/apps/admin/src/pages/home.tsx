/** How things stand; each number leads to its list. */

import { DayChart, Duration, Empty, ErrorNote, Page, Section, Status, Time, useLive, usePollInterval } from "@awe/kit";
import { Skeleton, Text } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, Navigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useIntl } from "react-intl";
import { useApi, useMe } from "../api/client.tsx";
import { useStateWord, useT } from "../api/words.ts";

/** Numbers are asked again at most this often, however much happens. */
const REST_MS = 10_000;

export function Home() {
  const me = useMe();
  return me.is_viewer ? <Overview /> : <Navigate to="/inbox" />;
}

function Overview() {
  const t = useT();
  const word = useStateWord();
  const intl = useIntl();
  const api = useApi();
  const client = useQueryClient();
  const poll = usePollInterval();
  const query = useQuery({
    queryKey: ["overview"],
    queryFn: ({ signal }) => api.call("get_overview", {}, { signal }),
    refetchInterval: poll || 60_000,
    staleTime: REST_MS,
  });
  useLive(() => {
    if (Date.now() - query.dataUpdatedAt > REST_MS) client.invalidateQueries({ queryKey: ["overview"] });
  });
  if (query.isError && !query.data)
    return (
      <Page title={t("nav.home")}>
        <ErrorNote error={query.error} onRetry={() => query.refetch()} />
      </Page>
    );
  if (!query.data)
    return (
      <Page title={t("nav.home")}>
        <Skeleton height={360} />
      </Page>
    );
  const {
    requests,
    tasks,
    deliveries,
    events,
    days,
    endpoints_in_trouble: trouble,
    time_to_decision: time,
  } = query.data;
  const oldest = events.oldest_unpublished_at;
  const lag = oldest ? Math.max(0, Date.parse(query.data.as_of) - Date.parse(oldest)) : 0;
  const ends = ["approved", "rejected", "expired", "cancelled"] as const;
  return (
    <Page
      title={t("nav.home")}
      subtitle={
        <>
          {t("home.asOf")} <Time at={query.data.as_of} as="second" />
        </>
      }
    >
      <Section title={t("home.now")}>
        <div className="admin-numbers">
          <Figure
            value={requests.pending + requests.in_review}
            label={t("home.open")}
            to="/requests"
            search={{ status: "in_review" }}
          />
          <Figure value={requests.pending} label={t("home.resolving")} to="/requests" search={{ status: "pending" }} />
          <Figure value={tasks.open} label={t("home.tasks")} to="/requests" search={{ status: "in_review" }} />
          <Figure
            value={tasks.overdue}
            label={t("home.overdue")}
            to="/requests"
            search={{ overdue: "true" }}
            tone={tasks.overdue > 0 ? "bad" : undefined}
          />
          <Figure
            value={query.data.created_today}
            label={t("home.createdToday")}
            to="/requests"
            search={{ created_since: startOfToday() }}
          />
          <Figure
            value={query.data.finished_today}
            label={t("home.finishedToday")}
            to="/requests"
            search={{ updated_since: startOfToday() }}
          />
        </div>
      </Section>
      <div className="admin-two">
        <Section title={t("home.days")}>
          {days.length === 0 ? (
            <Empty title={t("home.days.none")} icon="clock" />
          ) : (
            <DayChart
              title={t("home.days")}
              series={ends.map((id, tone) => ({ id, name: word("request", id), tone }))}
              bars={days.map((day) => ({
                day: day.day,
                values: {
                  approved: day.approved,
                  rejected: day.rejected,
                  expired: day.expired,
                  cancelled: day.cancelled,
                },
              }))}
            />
          )}
        </Section>
        <Section title={t("home.ended")}>
          <div className="admin-numbers">
            {ends.map((status) => (
              <Figure
                key={status}
                value={requests[status]}
                label={word("request", status)}
                to="/requests"
                search={{ status }}
              />
            ))}
          </div>
          <Text mt="sm" size="sm">
            {time.sample > 0 ? (
              <>
                {t("home.time", { count: time.sample })}{" "}
                <strong>
                  <Duration ms={seconds(time.median_seconds)} />
                </strong>
                , {t("home.time.p95")}{" "}
                <strong>
                  <Duration ms={seconds(time.p95_seconds)} />
                </strong>
              </>
            ) : (
              t("home.time.none")
            )}
          </Text>
        </Section>
      </div>
      <Section title={t("home.outside")}>
        <div className="admin-numbers">
          <Figure
            value={deliveries.pending}
            label={t("home.pending")}
            to="/deliveries"
            search={{ status: "pending" }}
          />
          <Figure
            value={deliveries.exhausted}
            label={t("home.exhausted")}
            to="/deliveries"
            search={{ status: "exhausted" }}
            tone={deliveries.exhausted > 0 ? "warn" : undefined}
          />
          <Figure
            value={deliveries.delivered}
            label={t("home.delivered")}
            to="/deliveries"
            search={{ status: "delivered" }}
          />
          <Figure
            value={events.unpublished}
            label={t("home.unpublished")}
            to="/system"
            tone={lag > 60_000 ? "bad" : undefined}
            detail={lag > 0 ? <Duration ms={lag} /> : undefined}
          />
          <Figure
            value={trouble.length}
            label={t("home.trouble")}
            to="/deliveries"
            search={{ tab: "endpoints" }}
            tone={trouble.length > 0 ? "bad" : undefined}
          />
        </div>
        {trouble.length > 0 && (
          <Text mt="sm" size="sm" component="div">
            {trouble.map((one) => (
              <div key={one}>
                <Status tone="bad">{t("endpoints.open")}</Status> <span className="kit-code">{one}</span>
              </div>
            ))}
          </Text>
        )}
      </Section>
      <Text size="xs" c="dimmed">
        {t("home.bounds", { most: intl.formatNumber(10_000) })}
      </Text>
    </Page>
  );
}

function seconds(value: number | null | undefined): number | undefined {
  return value === null || value === undefined ? undefined : value * 1000;
}

function startOfToday(): string {
  return `${new Date().toISOString().slice(0, 10)}T00:00:00Z`;
}

interface FigureProps {
  value: number;
  label: string;
  to: string;
  search?: Record<string, string>;
  tone?: "bad" | "warn";
  detail?: ReactNode;
}

function Figure({ value, label, to, search, tone, detail }: FigureProps) {
  const intl = useIntl();
  return (
    <Link to={to} search={(search ?? {}) as never} className="admin-number" data-tone={tone}>
      <strong>{intl.formatNumber(value)}</strong>
      <span>
        {label} {detail}
      </span>
    </Link>
  );
}
