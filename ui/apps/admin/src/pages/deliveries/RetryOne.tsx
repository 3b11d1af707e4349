import { announce, ErrorNote } from "@awe/kit";
import { Button } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useApi, useMe } from "../../api/client.tsx";
import { useT } from "../../api/words.ts";
import type { Delivery } from "./columns.tsx";

/** Tries one delivery again, now. Absent for whoever may not, and for what has arrived. */
export function RetryOne({ delivery, withError }: { delivery: Delivery; withError?: boolean }) {
  const t = useT();
  const api = useApi();
  const me = useMe();
  const client = useQueryClient();
  const retry = useMutation({
    mutationFn: () => api.call("retry_delivery", { path: { delivery_id: delivery.id } }),
    onSuccess: () => {
      announce(t("retry.done.one"));
      client.invalidateQueries({ queryKey: ["deliveries"] });
      client.invalidateQueries({ queryKey: ["request", delivery.request_id] });
    },
  });
  if (!me.is_admin || delivery.status === "delivered") return withError ? null : <>–</>;
  return (
    <>
      <Button size="xs" variant="default" onClick={() => retry.mutate()} loading={retry.isPending}>
        {t("retry.now")}
      </Button>
      {retry.isError &&
        (withError ? <ErrorNote error={retry.error} /> : <span role="alert"> {retry.error.message}</span>)}
    </>
  );
}
