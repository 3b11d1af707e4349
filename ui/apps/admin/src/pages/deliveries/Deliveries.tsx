/** Webhooks on their way, given up and arrived; and how their endpoints do. */

import { Empty, Export, FilterBar, Page, QueryTable, useNews, useUrl } from "@awe/kit";
import { Button, Tabs } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useApi, useMe } from "../../api/client.tsx";
import { DELIVERY_STATUSES, useStateWord, useT } from "../../api/words.ts";
import { useRowKeys } from "../inbox/keys.ts";
import { useDeliveryColumns } from "./columns.tsx";
import { DeliveryDrawer } from "./DeliveryDrawer.tsx";
import { Endpoints } from "./Endpoints.tsx";
import { RetryMany } from "./RetryMany.tsx";

const LIMIT = 50;

export function Deliveries() {
  const t = useT();
  const url = useUrl();
  const me = useMe();
  const [isRetrying, setRetrying] = useState(false);
  const tab = url.get("tab") === "endpoints" ? "endpoints" : "deliveries";
  return (
    <Page
      title={t("nav.deliveries")}
      actions={
        me.is_admin && (
          <Button variant="default" onClick={() => setRetrying(true)}>
            {t("retry.many")}
          </Button>
        )
      }
    >
      <Tabs
        value={tab}
        onChange={(next) => url.set({ tab: next === "endpoints" ? next : undefined, cursor: undefined })}
        keepMounted={false}
      >
        <Tabs.List>
          <Tabs.Tab value="deliveries">{t("nav.deliveries")}</Tabs.Tab>
          <Tabs.Tab value="endpoints">{t("endpoints.title")}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="deliveries" pt="md">
          <DeliveryList />
        </Tabs.Panel>
        <Tabs.Panel value="endpoints" pt="md">
          <Endpoints />
        </Tabs.Panel>
      </Tabs>
      <RetryMany opened={isRetrying} onClose={() => setRetrying(false)} />
    </Page>
  );
}

function DeliveryList() {
  const t = useT();
  const word = useStateWord();
  const url = useUrl();
  const api = useApi();
  const client = useQueryClient();
  const columns = useDeliveryColumns({ withRequest: true });
  useRowKeys();
  const { tab, delivery, ...filters } = url.all;
  const query = useQuery({
    queryKey: ["deliveries", filters],
    queryFn: ({ signal }) => api.page("list_deliveries", { query: { ...filters, limit: LIMIT } }, { signal }),
    refetchOnWindowFocus: false,
  });
  const news = useNews(() => true);
  const show = () => {
    news.clear();
    client.invalidateQueries({ queryKey: ["deliveries"] });
  };
  return (
    <>
      <FilterBar
        filters={[
          {
            kind: "choice",
            name: "status",
            label: t("request.status"),
            anything: t("filter.any"),
            options: DELIVERY_STATUSES.map((value) => ({ value, label: word("delivery", value) })),
          },
          {
            kind: "text",
            name: "endpoint",
            label: t("endpoints.endpoint"),
            placeholder: "https://registry.example.org",
          },
          { kind: "text", name: "event_type", label: t("delivery.event"), placeholder: "request_approved" },
          { kind: "text", name: "artifact_id", label: t("request.artifactId") },
          { kind: "moment", name: "since", label: t("requests.since") },
          { kind: "moment", name: "until", label: t("requests.until") },
        ]}
      />
      <QueryTable
        caption={t("nav.deliveries")}
        columns={columns}
        query={query}
        id={(one) => one.id}
        current={delivery}
        news={{ count: news.count, onShow: show }}
        empty={
          <Empty title={t("deliveries.empty")} icon="send">
            {t("deliveries.empty.why")}
          </Empty>
        }
      />
      <div className="kit-end">
        <Export name="deliveries" rows={query.data?.items.map((one) => ({ ...one })) ?? []} />
      </div>
      <DeliveryDrawer deliveries={query.data?.items ?? []} />
    </>
  );
}
