/** Tries many deliveries again: exactly those that the filters name, counted by the server before. */

import { announce, Confirm } from "@awe/kit";
import { Button, NativeSelect, Stack, Text, TextInput } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useApi } from "../../api/client.tsx";
import { useStateWord, useT } from "../../api/words.ts";

export function RetryMany({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const t = useT();
  const word = useStateWord();
  const api = useApi();
  const client = useQueryClient();
  const [status, setStatus] = useState("exhausted");
  const [since, setSince] = useState("");
  const [url, setUrl] = useState("");
  const body = {
    status,
    ...(since ? { since: new Date(since).toISOString() } : {}),
    ...(url.trim() ? { url: url.trim() } : {}),
  };
  const count = useQuery({
    queryKey: ["retry", body],
    queryFn: ({ signal }) => api.call("retry_deliveries", { body: { ...body, dry_run: true } }, { signal }),
    enabled: opened,
    staleTime: 0,
    retry: false,
  });
  const found = count.data?.would_requeue ?? 0;
  return (
    <Confirm
      opened={opened}
      onClose={onClose}
      title={t("retry.many")}
      effect={
        <Text role="status" fw={600}>
          {count.isFetching
            ? t("retry.counting")
            : count.isError
              ? t("retry.uncounted", { why: count.error.message })
              : t(count.data?.would_requeue_is_lower_bound ? "retry.atLeast" : "retry.count", { count: found })}
        </Text>
      }
      act={t("retry.act", { count: found })}
      disabled={!count.isSuccess || count.isFetching || found === 0}
      onConfirm={async () => {
        const told = await api.call("retry_deliveries", { body });
        announce(t("retry.done", { count: told.requeued }));
        client.invalidateQueries({ queryKey: ["deliveries"] });
        client.invalidateQueries({ queryKey: ["endpoints"] });
      }}
    >
      <Stack gap="xs">
        <NativeSelect
          label={t("request.status")}
          value={status}
          onChange={(event) => setStatus(event.currentTarget.value)}
          data={["exhausted", "pending"].map((value) => ({ value, label: word("delivery", value) }))}
        />
        <TextInput
          type="datetime-local"
          label={t("requests.since")}
          value={since}
          onChange={(event) => setSince(event.currentTarget.value)}
        />
        <TextInput
          label={t("retry.url")}
          description={t("retry.url.exact")}
          value={url}
          onChange={(event) => setUrl(event.currentTarget.value)}
          maxLength={2_000}
        />
        <Button variant="subtle" size="xs" onClick={() => count.refetch()}>
          {t("retry.recount")}
        </Button>
      </Stack>
    </Confirm>
  );
}
