import type { Schemas } from "@awe/client";
import { type Column, Status, Time, useUrl } from "@awe/kit";
import { Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { toneOf, useStateWord, useT } from "../../api/words.ts";
import { RetryOne } from "./RetryOne.tsx";

export type Delivery = Schemas["DeliveryOut"];

export function useDeliveryColumns({ withRequest }: { withRequest: boolean }): Column<Delivery>[] {
  const t = useT();
  const word = useStateWord();
  const request: Column<Delivery> = {
    id: "request",
    title: t("request.title"),
    cell: (one) => (
      <Link to="/requests/$requestId" params={{ requestId: one.request_id }}>
        <bdi>{[one.artifact_type, one.artifact_id].filter(Boolean).join(" ") || one.request_id}</bdi>
      </Link>
    ),
  };
  return [
    { id: "event", title: t("delivery.event"), cell: (one) => <Open delivery={one} /> },
    ...(withRequest ? [request] : []),
    {
      id: "status",
      title: t("request.status"),
      cell: ({ status }) => <Status tone={toneOf(status)}>{word("delivery", status)}</Status>,
    },
    { id: "url", title: t("delivery.url"), cell: ({ url }) => <span className="kit-code">{url}</span>, minor: true },
    { id: "answer", title: t("delivery.answer"), cell: (one) => <Answer delivery={one} /> },
    {
      id: "next",
      title: t("delivery.next"),
      cell: (one) => (one.status === "pending" ? <Time at={one.next_attempt_at} as="relative" /> : "–"),
    },
    { id: "do", title: t("seats.do"), cell: (one) => <RetryOne delivery={one} /> },
  ];
}

function Open({ delivery }: { delivery: Delivery }) {
  const url = useUrl();
  const word = useStateWord();
  return (
    <div>
      <Link
        to="."
        search={{ ...url.all, delivery: delivery.id } as never}
        data-row-link
        resetScroll={false}
        className="admin-row-link"
      >
        {word("event", delivery.event_type)}
      </Link>
      <Text size="sm" c="dimmed" component="div">
        <Time at={delivery.created_at} as="second" />
      </Text>
    </div>
  );
}

function Answer({ delivery }: { delivery: Delivery }) {
  const t = useT();
  if (delivery.attempt === 0) return <>{delivery.last_error ?? t("delivery.notTried")}</>;
  return (
    <div>
      {delivery.last_status_code ?? "–"} · {t("delivery.attempts", { count: delivery.attempt })}
      {delivery.last_error && (
        <Text size="sm" c="dimmed" component="div" lineClamp={2}>
          {delivery.last_error}
        </Text>
      )}
    </div>
  );
}
