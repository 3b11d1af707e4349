/** One change request: what would change, where its approval stands, and what the viewer may do about it. */

import { Copy, DataTable, Difference, ErrorNote, Facts, Icon, nameText, Page, Section, Time } from "@awe/kit";
import { Alert, Button, Skeleton, Stack, Text } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { useMe } from "../api/client.tsx";
import { useDetail, useMyApprovals } from "../api/queries.ts";
import type { Detail } from "../api/types.ts";
import { useT } from "../api/words.ts";
import { ChangeStatus, useTitle } from "../parts/parts.tsx";
import { Approval } from "./Approval.tsx";
import { Decide } from "./Decide.tsx";
import { BreakGlass, Cancel } from "./Ending.tsx";
import { proposalOf } from "./proposal.ts";

export function ChangeRequestPage() {
  const t = useT();
  const { id } = useParams({ strict: false }) as { id: string };
  const detail = useDetail(id);
  const back = (
    <Link to="/" className="portal-back">
      <Icon name="back" size={14} /> {t("change.back")}
    </Link>
  );
  if (detail.isPending || !detail.data) {
    return (
      <Page title={t("change.title")} subtitle={back}>
        {detail.isError ? (
          <ErrorNote error={detail.error} onRetry={() => detail.refetch()} />
        ) : (
          <Skeleton height={300} />
        )}
      </Page>
    );
  }
  return <Story key={id} change={detail.data} error={detail.error} />;
}

function Story({ change, error }: { change: Detail; error: unknown }) {
  const t = useT();
  const title = useTitle();
  const client = useQueryClient();
  // One more for each deed: the sidebar then asks at once.
  const [deeds, setDeeds] = useState(0);
  const renew = () => {
    setDeeds((before) => before + 1);
    client.invalidateQueries({ queryKey: ["change-request", change.change_request_id] });
    client.invalidateQueries({ queryKey: ["change-requests"] });
    client.invalidateQueries({ queryKey: ["my-approvals"] });
  };
  return (
    <Page
      title={title(change)}
      subtitle={
        <>
          <ChangeStatus change={change} /> <Copy text={change.change_request_id} label={t("change.copy")} />
        </>
      }
      actions={<Actions change={change} onDone={renew} />}
    >
      {error !== null && <ErrorNote error={error} />}
      <div className="portal-two">
        <Stack>
          <Outcome change={change} />
          <Proposed change={change} />
        </Stack>
        <Stack className="portal-side">
          <Decision change={change} onDone={renew} />
          {change.awe_request_id && <Approval id={change.change_request_id} deeds={deeds} onStatus={renew} />}
        </Stack>
        <Stack>
          <Live change={change} />
          <Section title={t("change.facts")}>
            <About change={change} />
          </Section>
        </Stack>
      </div>
    </Page>
  );
}

/** The difference to the live record while it waits; afterwards what was asked for, since the record has moved on. */
function Proposed({ change }: { change: Detail }) {
  const t = useT();
  const { before, after } = proposalOf(change);
  if (change.approval_status !== "PENDING") {
    return (
      <Section title={t("change.asked")}>
        <DataTable data={change.change_payload} label={t("change.asked")} />
      </Section>
    );
  }
  return (
    <Section title={t("change.proposed")}>
      <Text size="sm" c="dimmed" mb="xs">
        {t(`change.proposed.${change.edit_action}`)}
      </Text>
      <Difference before={before} after={after} nameOf={nameText} />
    </Section>
  );
}

function Live({ change: { record } }: { change: Detail }) {
  const t = useT();
  return (
    <Section title={t("change.record")}>
      {record ? (
        <>
          <DataTable data={record.data} label={t("change.record")} />
          <Text size="sm" c="dimmed" mt="xs" component="div">
            {t("change.version", { version: record.version })} · <Time at={record.updated_at} />
          </Text>
        </>
      ) : (
        <Text c="dimmed">{t("change.noRecord")}</Text>
      )}
    </Section>
  );
}

function About({ change }: { change: Detail }) {
  const t = useT();
  return (
    <Facts
      facts={[
        [t("change.register"), <bdi key="g">{change.register_mnemonic}</bdi>],
        [t("change.section"), <bdi key="s">{change.section_id}</bdi>],
        [t("change.recordId"), <bdi key="r">{change.record_id}</bdi>],
        [t("change.requester"), <bdi key="w">{change.requester}</bdi>],
        [t("change.created"), <Time key="c" at={change.created_at} />],
        [t("change.way"), t(change.awe_request_id ? "change.gated" : "change.direct")],
      ]}
    />
  );
}

/** How it ended, and on whose word. */
function Outcome({ change }: { change: Detail }) {
  const t = useT();
  if (change.approval_status === "PENDING") return null;
  const who = change.approved_by ?? change.rejected_by ?? change.cancelled_by;
  const color = { APPROVED: "green", REJECTED: "red", CANCELLED: "gray" }[change.approval_status];
  return (
    <Alert color={color} icon={<Icon name="info" />} title={t(`outcome.${change.approval_status}`)}>
      {who && (
        <div>
          {t("outcome.by")} <bdi>{who}</bdi>
        </div>
      )}
      {change.reason && <blockquote dir="auto">{change.reason}</blockquote>}
      {change.override_by && (
        <div className="portal-glass">
          <Icon name="alert" size={14} /> {t("outcome.override")} <bdi>{change.override_by}</bdi>
          <blockquote dir="auto">{change.override_reason}</blockquote>
        </div>
      )}
    </Alert>
  );
}

function Decision({ change, onDone }: { change: Detail; onDone: () => void }) {
  const me = useMe();
  const mine = useMyApprovals();
  if (change.approval_status !== "PENDING") return null;
  const own = mine.data?.find((one) => one.change_request.change_request_id === change.change_request_id);
  const isDirect = !change.awe_request_id;
  if (isDirect ? !me.may("approve") : !own) return null;
  return <Decide change={change} stage={own?.task.stage_name ?? undefined} isDirect={isDirect} onDone={onDone} />;
}

function Actions({ change, onDone }: { change: Detail; onDone: () => void }) {
  const t = useT();
  const me = useMe();
  const [opened, setOpened] = useState<"cancel" | "glass">();
  if (change.approval_status !== "PENDING") return null;
  const close = () => setOpened(undefined);
  return (
    <>
      {(change.requester === me.subject || me.may("approve")) && (
        <Button variant="default" onClick={() => setOpened("cancel")}>
          {t("cancel.open")}
        </Button>
      )}
      {change.awe_request_id && me.may("approve") && (
        <Button variant="outline" color="red" leftSection={<Icon name="alert" />} onClick={() => setOpened("glass")}>
          {t("glass.open")}
        </Button>
      )}
      <Cancel change={change} opened={opened === "cancel"} onClose={close} onDone={onDone} />
      <BreakGlass change={change} opened={opened === "glass"} onClose={close} onDone={onDone} />
    </>
  );
}
