/** One delivery with all its attempts. It has a URL of its own. */

import type { Schemas } from "@awe/client";
import { Copy, Duration, Empty, ErrorNote, Facts, Status, Time, usePollInterval, useUrl } from "@awe/kit";
import { Drawer, Group, Skeleton, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useApi } from "../../api/client.tsx";
import { toneOf, useStateWord, useT } from "../../api/words.ts";
import type { Delivery } from "./columns.tsx";
import { RetryOne } from "./RetryOne.tsx";

type Attempt = Schemas["DeliveryAttemptOut"];

/** `deliveries`: those that the page shows; the drawer's own may be among them. */
export function DeliveryDrawer({ deliveries }: { deliveries: Delivery[] }) {
  const t = useT();
  const url = useUrl();
  const id = url.get("delivery");
  return (
    <Drawer
      opened={id !== undefined}
      onClose={() => url.set({ delivery: undefined })}
      position="right"
      size="lg"
      title={t("delivery.title")}
      closeButtonProps={{ "aria-label": t("bulk.close") }}
    >
      {id && <Inside id={id} delivery={deliveries.find((one) => one.id === id)} />}
    </Drawer>
  );
}

function Inside({ id, delivery }: { id: string; delivery: Delivery | undefined }) {
  const t = useT();
  const api = useApi();
  const word = useStateWord();
  const poll = usePollInterval();
  const attempts = useQuery({
    queryKey: ["deliveries", "attempts", id],
    queryFn: ({ signal }) => api.call("list_delivery_attempts", { path: { delivery_id: id } }, { signal }),
    refetchInterval: poll || 15_000,
  });
  return (
    <Stack>
      {delivery && (
        <>
          <Group justify="space-between">
            <Status tone={toneOf(delivery.status)}>{word("delivery", delivery.status)}</Status>
            <RetryOne delivery={delivery} withError />
          </Group>
          <Facts
            facts={[
              [t("delivery.event"), word("event", delivery.event_type)],
              [t("delivery.created"), <Time key="c" at={delivery.created_at} as="second" />],
              [
                t("delivery.next"),
                delivery.status === "pending" ? <Time key="n" at={delivery.next_attempt_at} as="second" /> : null,
              ],
              [
                t("request.title"),
                <Link key="r" to="/requests/$requestId" params={{ requestId: delivery.request_id }}>
                  <bdi>
                    {[delivery.artifact_type, delivery.artifact_id].filter(Boolean).join(" ") || delivery.request_id}
                  </bdi>
                </Link>,
              ],
              [t("delivery.url"), <Copy key="u" text={delivery.url} label={t("copy.url")} />],
              [t("delivery.eventId"), <Copy key="e" text={delivery.event_id} label={t("copy.id")} />],
              [t("delivery.id"), <Copy key="i" text={id} label={t("copy.id")} />],
              [t("delivery.lastError"), delivery.last_error],
            ]}
          />
        </>
      )}
      {!delivery && <Copy text={id} label={t("copy.id")} />}
      <Title order={3} size="h5">
        {t("delivery.attemptsTitle")}
      </Title>
      {attempts.isPending && <Skeleton height={90} />}
      {attempts.isError && <ErrorNote error={attempts.error} onRetry={() => attempts.refetch()} />}
      {attempts.data?.length === 0 && <Empty title={t("delivery.notTried")} icon="clock" />}
      {attempts.data?.map((attempt) => (
        <One key={attempt.id} attempt={attempt} />
      ))}
    </Stack>
  );
}

function One({ attempt }: { attempt: Attempt }) {
  const t = useT();
  const isGood = attempt.status_code !== null && attempt.status_code !== undefined && attempt.status_code < 300;
  return (
    <article className="kit-section" aria-label={t("delivery.attempt", { number: attempt.attempt })}>
      <Group justify="space-between" gap="xs">
        <Text fw={600}>{t("delivery.attempt", { number: attempt.attempt })}</Text>
        <Status tone={isGood ? "good" : "bad"}>{attempt.status_code ?? t("delivery.noAnswer")}</Status>
        <span>
          <Duration ms={attempt.latency_ms} />
        </span>
        <Time at={attempt.started_at} as="second" />
      </Group>
      {attempt.error && (
        <Text size="sm" mt={4}>
          {attempt.failed_by === "us" ? t("delivery.byUs") : t("delivery.byReceiver")}: {attempt.error}
        </Text>
      )}
      {attempt.response_excerpt && <pre className="admin-pre">{pretty(attempt.response_excerpt)}</pre>}
      {attempt.response_headers && Object.keys(attempt.response_headers).length > 0 && (
        <details>
          <summary>{t("delivery.headers")}</summary>
          <pre className="admin-pre">
            {Object.entries(attempt.response_headers)
              .map(([name, value]) => `${name}: ${String(value)}`)
              .join("\n")}
          </pre>
        </details>
      )}
    </article>
  );
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
