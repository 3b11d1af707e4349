/** The full story of one request. */

import {
  Copy,
  DataTable,
  ErrorNote,
  Facts,
  FlowPicture,
  Icon,
  Outward,
  Page,
  Section,
  Status,
  save,
  Time,
  useLive,
  usePollInterval,
} from "@awe/kit";
import { Button, Skeleton, Stack, Text } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { useApi, useMe } from "../../api/client.tsx";
import { toneOf, useStateWord, useT } from "../../api/words.ts";
import { Person } from "../../parts/Person.tsx";
import { titleOf } from "../inbox/queue.ts";
import { Cancel } from "./Cancel.tsx";
import { History } from "./History.tsx";
import { RequestDeliveries } from "./RequestDeliveries.tsx";
import { Seats } from "./Seats.tsx";
import { isOver, type Progress, type Request, useProgressFlow } from "./story.tsx";
import { Why } from "./Why.tsx";

export function RequestPage() {
  const t = useT();
  const api = useApi();
  const { requestId } = useParams({ strict: false }) as { requestId: string };
  const client = useQueryClient();
  const poll = usePollInterval();
  const path = { request_id: requestId };
  const request = useQuery({
    queryKey: ["request", requestId],
    queryFn: ({ signal }) => api.get(requestId, { signal }),
    refetchInterval: poll,
  });
  const progress = useQuery({
    queryKey: ["request", requestId, "progress"],
    queryFn: ({ signal }) => api.call("get_request_progress", { path }, { signal }),
    refetchInterval: poll,
  });
  useLive((events) => {
    if (events.some((event) => event.request_id === requestId))
      client.invalidateQueries({ queryKey: ["request", requestId] });
  });
  if (request.isError) {
    return (
      <Page title={t("request.title")}>
        <ErrorNote error={request.error} onRetry={() => request.refetch()} />
      </Page>
    );
  }
  if (request.isPending)
    return (
      <Page title={t("request.title")}>
        <Skeleton height={300} />
      </Page>
    );
  return <Story request={request.data} progress={progress.data} error={progress.error} />;
}

function Story({ request, progress, error }: { request: Request; progress: Progress | undefined; error: unknown }) {
  const t = useT();
  const me = useMe();
  const word = useStateWord();
  const flow = useProgressFlow(request, progress);
  return (
    <Page title={titleOf(request)} subtitle={<Subtitle request={request} />} actions={<Actions request={request} />}>
      {error !== null && error !== undefined && <ErrorNote error={error} />}
      {progress && !isOver(request.status) && <Why progress={progress} />}
      <div className="admin-two">
        <Section title={t("request.way")}>
          {progress ? (
            <FlowPicture
              label={t("request.way")}
              stages={flow}
              begin={t("request.asked")}
              end={{ tone: toneOf(request.status), text: word("request", request.status) }}
            />
          ) : (
            <Skeleton height={260} />
          )}
        </Section>
        <Stack>
          <Section title={t("request.facts")}>
            {request.summary && (
              <Text mb="sm" dir="auto" className="admin-summary">
                {request.summary}
              </Text>
            )}
            <RequestFacts request={request} />
          </Section>
          <Section title={t("task.context")}>
            <DataTable data={request.context} label={t("task.context")} />
          </Section>
        </Stack>
      </div>
      {progress && <Seats request={request} progress={progress} />}
      <History requestId={request.id} />
      {me.is_viewer && <RequestDeliveries requestId={request.id} />}
    </Page>
  );
}

function Subtitle({ request }: { request: Request }) {
  const t = useT();
  const word = useStateWord();
  return (
    <>
      <Status tone={toneOf(request.status)}>{word("request", request.status)}</Status>{" "}
      <Copy text={request.id} label={t("copy.id")} />
    </>
  );
}

function RequestFacts({ request }: { request: Request }) {
  const t = useT();
  const me = useMe();
  const policy = `${request.policy_key} v${request.policy_version}`;
  return (
    <Facts
      facts={[
        [t("request.artifact"), <bdi key="a">{`${request.artifact_type} ${request.artifact_id}`}</bdi>],
        [t("request.requester"), <Person key="r" id={request.requester} />],
        [t("request.source"), <Person key="s" id={request.source_service} />],
        [
          t("request.policy"),
          me.is_viewer ? (
            <Link
              key="p"
              to="/policies/$key"
              params={{ key: request.policy_key }}
              search={{ version: String(request.policy_version) } as never}
            >
              {policy}
            </Link>
          ) : (
            policy
          ),
        ],
        [t("request.created"), <Time key="c" at={request.created_at} />],
        [t("request.ended"), <Time key="e" at={request.completed_at} />],
        [t("request.expires"), <Time key="x" at={request.expires_at} />],
        [
          t("request.look"),
          request.artifact_url ? (
            <Outward key="l" href={request.artifact_url}>
              {t("request.lookAt")}
            </Outward>
          ) : null,
        ],
        [
          t("request.callback"),
          request.callback_url ? (
            <span key="u" className="kit-code">
              {request.callback_url}
            </span>
          ) : null,
        ],
      ]}
    />
  );
}

function Actions({ request }: { request: Request }) {
  const t = useT();
  const api = useApi();
  const me = useMe();
  const [isCancelling, setCancelling] = useState(false);
  const [error, setError] = useState<unknown>();
  const evidence = async () => {
    setError(undefined);
    try {
      const told = await api.call("get_request_evidence", { path: { request_id: request.id } }, { timeoutMs: 30_000 });
      save(`request-${request.artifact_id}.json`, `${JSON.stringify(told, null, 2)}\n`);
    } catch (failure) {
      setError(failure);
    }
  };
  return (
    <>
      {error !== undefined && <ErrorNote error={error} />}
      <Button variant="default" leftSection={<Icon name="print" size={16} />} onClick={() => window.print()}>
        {t("request.print")}
      </Button>
      {me.is_viewer && (
        <Button variant="default" leftSection={<Icon name="download" size={16} />} onClick={evidence}>
          {t("request.evidence")}
        </Button>
      )}
      {(me.is_admin || me.subject === request.source_service) && !isOver(request.status) && (
        <Button variant="outline" color="red" onClick={() => setCancelling(true)}>
          {t("request.cancel")}
        </Button>
      )}
      <Cancel request={request} opened={isCancelling} onClose={() => setCancelling(false)} />
    </>
  );
}
