/** The frame of every page. */

import { Empty, type NavItem, Page, Shell, usePollInterval } from "@awe/kit";
import { Badge, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useApi, useMe } from "../api/client.tsx";
import { useT } from "../api/words.ts";

export function Frame() {
  const t = useT();
  const me = useMe();
  const waiting = useWaiting();
  const count = waiting ? (
    <Badge size="sm" variant="filled" aria-label={t("nav.waiting", { count: waiting })}>
      {waiting > 999 ? "999+" : waiting}
    </Badge>
  ) : undefined;
  const items: (NavItem | false)[] = [
    me.is_viewer && { to: "/", label: t("nav.home"), icon: "home" },
    { to: "/inbox", label: t("nav.inbox"), icon: "inbox", count },
    { to: "/requests", label: t("nav.requests"), icon: "list" },
    { to: "/delegations", label: t("nav.delegations"), icon: "swap" },
    me.is_viewer && { to: "/policies", label: t("nav.policies"), icon: "flow", group: t("nav.group.manage") },
    me.is_viewer && { to: "/deliveries", label: t("nav.deliveries"), icon: "send" },
    me.is_admin && { to: "/secrets", label: t("nav.secrets"), icon: "key" },
    me.is_viewer && { to: "/audit", label: t("nav.audit"), icon: "audit" },
    me.is_viewer && { to: "/system", label: t("nav.system"), icon: "system" },
  ];
  const role = me.is_admin ? t("role.admin") : me.is_viewer ? t("role.viewer") : t("role.approver");
  return (
    <Shell
      title={t("app.title")}
      items={items.filter((item) => item !== false)}
      search={(text) => search(text, t)}
      userExtra={
        <Text size="xs" c="dimmed">
          {role}
        </Text>
      }
    />
  );
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

function search(text: string, t: ReturnType<typeof useT>) {
  const found = [{ label: t("palette.requests", { text }), to: "/requests", search: { search_text: text } }];
  return UUID.test(text) ? [{ label: t("palette.request", { text }), to: `/requests/${text}` }, ...found] : found;
}

/** How many tasks wait for whoever is signed in. */
function useWaiting(): number | undefined {
  const api = useApi();
  const poll = usePollInterval();
  const { data } = useQuery({
    queryKey: ["tasks", "stats"],
    queryFn: ({ signal }) => api.call("get_task_stats", { query: { status: "actionable" } }, { signal }),
    refetchInterval: poll === false ? 60_000 : poll,
  });
  return data?.total;
}

export function Lost() {
  const t = useT();
  return (
    <Page title={t("lost.title")}>
      <Empty title={t("lost.words")} icon="search">
        <Link to="/">{t("lost.home")}</Link>
      </Empty>
    </Page>
  );
}
