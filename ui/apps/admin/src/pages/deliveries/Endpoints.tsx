/** How the receivers of webhooks do. */

import type { Schemas } from "@awe/client";
import { type Column, Duration, Empty, QueryTable, Status, Time, usePollInterval } from "@awe/kit";
import { Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useIntl } from "react-intl";
import { useApi } from "../../api/client.tsx";
import { useT } from "../../api/words.ts";

type Endpoint = Schemas["EndpointOut"];

export function Endpoints() {
  const t = useT();
  const api = useApi();
  const intl = useIntl();
  const poll = usePollInterval();
  const query = useQuery({
    queryKey: ["endpoints"],
    queryFn: async ({ signal }) => ({ items: await api.call("list_endpoints", {}, { signal }) }),
    refetchInterval: poll || 15_000,
  });
  const share = (value: number | null | undefined) =>
    value === null || value === undefined
      ? "–"
      : intl.formatNumber(value, { style: "percent", maximumFractionDigits: 1 });
  const columns: Column<Endpoint>[] = [
    {
      id: "endpoint",
      title: t("endpoints.endpoint"),
      cell: (one) => (
        <Link to="/deliveries" search={{ endpoint: one.endpoint } as never} className="kit-code">
          {one.endpoint}
        </Link>
      ),
    },
    { id: "health", title: t("endpoints.health"), cell: (one) => <Health endpoint={one} /> },
    { id: "pending", title: t("state.delivery.pending"), cell: (one) => intl.formatNumber(one.pending), align: "end" },
    { id: "held", title: t("endpoints.heldBack"), cell: (one) => intl.formatNumber(one.held_back), align: "end" },
    {
      id: "exhausted",
      title: t("state.delivery.exhausted"),
      cell: (one) => intl.formatNumber(one.exhausted),
      align: "end",
    },
    {
      id: "hour",
      title: t("endpoints.lastHour"),
      cell: ({ last_hour: hour }) => (
        <div>
          {t("endpoints.attempts", { count: hour.attempts })} · {share(hour.success_share)}
          <Text size="sm" c="dimmed" component="div">
            {t("endpoints.median")} <Duration ms={hour.p50_ms} /> · p95 <Duration ms={hour.p95_ms} />
          </Text>
        </div>
      ),
    },
    {
      id: "last",
      title: t("endpoints.lastFailure"),
      cell: (one) => (
        <div>
          <Time at={one.last_failure_at} as="relative" />
          {one.last_error && (
            <Text size="sm" c="dimmed" component="div" lineClamp={2}>
              {one.last_error}
            </Text>
          )}
        </div>
      ),
    },
  ];
  return (
    <QueryTable
      caption={t("endpoints.title")}
      columns={columns}
      query={query}
      id={(one) => one.endpoint}
      empty={
        <Empty title={t("endpoints.empty")} icon="send">
          {t("endpoints.empty.why")}
        </Empty>
      }
    />
  );
}

function Health({ endpoint }: { endpoint: Endpoint }) {
  const t = useT();
  if (endpoint.circuits.length > 0) {
    return (
      <div>
        <Status tone="bad">{t("endpoints.open")}</Status>
        <Text size="sm" c="dimmed" component="div">
          {endpoint.circuits.map((one) => `${one.caller_service} (${one.host})`).join(", ")}
        </Text>
      </div>
    );
  }
  if (endpoint.held_back > 0) return <Status tone="warn">{t("endpoints.slow")}</Status>;
  return <Status tone="good">{t("endpoints.fine")}</Status>;
}
