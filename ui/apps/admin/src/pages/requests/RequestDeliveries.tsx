/** The webhooks of one request. */

import { Empty, QueryTable, Section, usePollInterval, useUrl } from "@awe/kit";
import { useQuery } from "@tanstack/react-query";
import { useApi } from "../../api/client.tsx";
import { useT } from "../../api/words.ts";
import { useDeliveryColumns } from "../deliveries/columns.tsx";
import { DeliveryDrawer } from "../deliveries/DeliveryDrawer.tsx";

const LIMIT = 50;

export function RequestDeliveries({ requestId }: { requestId: string }) {
  const t = useT();
  const api = useApi();
  const url = useUrl();
  const poll = usePollInterval();
  const columns = useDeliveryColumns({ withRequest: false });
  const query = useQuery({
    queryKey: ["request", requestId, "deliveries"],
    queryFn: ({ signal }) =>
      api.page("list_deliveries", { query: { request_id: requestId, limit: LIMIT } }, { signal }),
    refetchInterval: poll,
  });
  return (
    <Section title={t("nav.deliveries")}>
      <QueryTable
        caption={t("nav.deliveries")}
        columns={columns}
        query={query}
        id={(delivery) => delivery.id}
        current={url.get("delivery")}
        empty={
          <Empty title={t("deliveries.none")} icon="send">
            {t("deliveries.none.why")}
          </Empty>
        }
      />
      <DeliveryDrawer deliveries={query.data?.items ?? []} />
    </Section>
  );
}
