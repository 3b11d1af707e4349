/** Who sits for whom, and when: as a calendar of the weeks around today and as a list. */

import type { Schemas } from "@awe/client";
import {
  type Column,
  Confirm,
  Empty,
  Export,
  FilterBar,
  fromLocal,
  Page,
  QueryTable,
  Section,
  Status,
  Time,
  useDraft,
  useNow,
  useUrl,
} from "@awe/kit";
import { Button, Stack, TextInput } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useIntl } from "react-intl";
import { useApi, useMe } from "../api/client.tsx";
import { useT } from "../api/words.ts";
import { Person, useName } from "../parts/Person.tsx";
import { UserPicker } from "../parts/pickers.tsx";

type Delegation = Schemas["DelegationOut"];
const LIMIT = 200;

export function Delegations() {
  const t = useT();
  const api = useApi();
  const me = useMe();
  const url = useUrl();
  const client = useQueryClient();
  const [isMaking, setMaking] = useState(false);
  const [ending, setEnding] = useState<Delegation>();
  const user = url.get("user_id");
  const query = useQuery({
    queryKey: ["delegations", user],
    queryFn: async ({ signal }) => ({
      items: await api.call(
        "list_delegations",
        { query: { ...(user ? { user_id: user } : {}), limit: LIMIT } },
        { signal },
      ),
    }),
  });
  const items = query.data?.items ?? [];
  const columns: Column<Delegation>[] = [
    { id: "from", title: t("delegation.from"), cell: (one) => <Person id={one.user_id} /> },
    { id: "to", title: t("delegation.to"), cell: (one) => <Person id={one.delegate_to} /> },
    { id: "starts", title: t("delegation.starts"), cell: (one) => <Time at={one.starts_at} /> },
    { id: "ends", title: t("delegation.ends"), cell: (one) => <Time at={one.ends_at} /> },
    { id: "state", title: t("request.status"), cell: (one) => <State delegation={one} /> },
    { id: "why", title: t("delegation.reason"), cell: (one) => <bdi>{one.reason ?? "–"}</bdi>, minor: true },
    {
      id: "do",
      title: t("seats.do"),
      cell: (one) =>
        me.is_admin || one.user_id === me.subject ? (
          <Button size="xs" variant="default" onClick={() => setEnding(one)}>
            {t("delegation.delete")}
          </Button>
        ) : (
          "–"
        ),
    },
  ];
  return (
    <Page
      title={t("nav.delegations")}
      subtitle={t("delegation.what")}
      actions={
        <>
          <Export name="delegations" rows={items.map((one) => ({ ...one }))} />
          <Button onClick={() => setMaking(true)}>{t("delegation.new")}</Button>
        </>
      }
    >
      {me.is_admin && <FilterBar filters={[{ kind: "text", name: "user_id", label: t("delegation.from") }]} />}
      {items.length > 0 && <Calendar items={items} />}
      <QueryTable
        caption={t("nav.delegations")}
        columns={columns}
        query={query}
        id={(one) => one.id}
        empty={
          <Empty title={t("delegation.none")} icon="swap">
            {t("delegation.none.why")}
          </Empty>
        }
      />
      <NewDelegation opened={isMaking} onClose={() => setMaking(false)} />
      <Confirm
        opened={ending !== undefined}
        onClose={() => setEnding(undefined)}
        title={t("delegation.delete")}
        effect={t("delegation.delete.effect")}
        act={t("delegation.delete")}
        danger
        onConfirm={async () => {
          if (!ending) return;
          await api.call("delete_delegation", { path: { delegation_id: ending.id } });
          await client.invalidateQueries({ queryKey: ["delegations"] });
        }}
      />
    </Page>
  );
}

function State({ delegation }: { delegation: Delegation }) {
  const t = useT();
  const now = useNow();
  if (Date.parse(delegation.ends_at) <= now) return <Status tone="quiet">{t("delegation.over")}</Status>;
  if (Date.parse(delegation.starts_at) > now) return <Status tone="busy">{t("delegation.later")}</Status>;
  return <Status tone="good">{t("delegation.now")}</Status>;
}

const DAY = 86_400_000;
const DAYS = 42;

/** Six weeks from last Monday on, a bar for each delegation that falls into them. */
function Calendar({ items }: { items: Delegation[] }) {
  const t = useT();
  const intl = useIntl();
  const today = new Date();
  today.setHours(0, 0, 0, 0);
  const begin = today.getTime() - ((today.getDay() + 6) % 7) * DAY;
  const end = begin + DAYS * DAY;
  const shown = items.filter((one) => Date.parse(one.ends_at) > begin && Date.parse(one.starts_at) < end).slice(0, 50);
  if (shown.length === 0) return null;
  const at = (moment: string) => Math.min(100, Math.max(0, ((Date.parse(moment) - begin) / (end - begin)) * 100));
  return (
    <Section title={t("delegation.calendar")}>
      <div className="admin-calendar">
        <div className="admin-weeks" aria-hidden="true">
          {Array.from({ length: DAYS / 7 }, (_, week) => (
            <span key={begin + week * 7 * DAY}>
              {intl.formatDate(begin + week * 7 * DAY, { day: "numeric", month: "short" })}
            </span>
          ))}
        </div>
        <ul className="admin-bars" style={{ "--today": `${at(today.toISOString())}%` } as React.CSSProperties}>
          {shown.map((one) => (
            <li key={one.id}>
              <span
                className="admin-bar"
                style={{
                  marginInlineStart: `${at(one.starts_at)}%`,
                  width: `${Math.max(1.5, at(one.ends_at) - at(one.starts_at))}%`,
                }}
                aria-hidden="true"
              />
              <span>
                <Person id={one.user_id} /> → <Person id={one.delegate_to} />{" "}
                <span className="kit-dim">
                  <Time at={one.starts_at} as="date" /> – <Time at={one.ends_at} as="date" />
                </span>
              </span>
            </li>
          ))}
        </ul>
      </div>
    </Section>
  );
}

const BLANK = { user: "", to: "", starts: "", ends: "", reason: "" };

function NewDelegation({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const t = useT();
  const api = useApi();
  const me = useMe();
  const client = useQueryClient();
  const draft = useDraft("delegation", BLANK);
  const { to, starts, ends, reason } = draft.value;
  const user = me.is_admin ? draft.value.user : me.subject;
  const set = (patch: Partial<typeof BLANK>) => draft.set({ ...draft.value, ...patch });
  const toName = useName(to || null) ?? to;
  const isWrong = starts !== "" && ends !== "" && ends <= starts;
  return (
    <Confirm
      opened={opened}
      onClose={onClose}
      title={t("delegation.new")}
      effect={to ? t("delegation.effect", { to: toName }) : t("delegation.what")}
      act={t("delegation.create")}
      disabled={!user || !to || !starts || !ends || isWrong}
      onConfirm={async () => {
        const body = {
          user_id: user,
          delegate_to: to,
          starts_at: fromLocal(starts),
          ends_at: fromLocal(ends),
          reason: reason.trim() || null,
        };
        await api.call("create_delegation", { body });
        draft.forget();
        await client.invalidateQueries({ queryKey: ["delegations"] });
      }}
    >
      <Stack gap="xs">
        {me.is_admin && (
          <UserPicker label={t("delegation.from")} required value={user} onChange={(value) => set({ user: value })} />
        )}
        {me.is_viewer ? (
          <UserPicker label={t("delegation.to")} required value={to} onChange={(value) => set({ to: value })} />
        ) : (
          <TextInput
            label={t("delegation.to")}
            description={t("delegation.to.id")}
            required
            value={to}
            onChange={(event) => set({ to: event.currentTarget.value })}
            maxLength={200}
          />
        )}
        <TextInput
          type="datetime-local"
          required
          label={t("delegation.starts")}
          value={starts}
          onChange={(event) => set({ starts: event.currentTarget.value })}
        />
        <TextInput
          type="datetime-local"
          required
          label={t("delegation.ends")}
          value={ends}
          onChange={(event) => set({ ends: event.currentTarget.value })}
          error={isWrong ? t("delegation.endsFirst") : undefined}
        />
        <TextInput
          label={t("delegation.reason")}
          value={reason}
          onChange={(event) => set({ reason: event.currentTarget.value })}
          maxLength={1_000}
        />
      </Stack>
    </Confirm>
  );
}
