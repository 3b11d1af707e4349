/** The frame of every page. */

import { Empty, type NavItem, Page, Shell } from "@awe/kit";
import { Badge, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useMe } from "../api/client.tsx";
import { useMyApprovals } from "../api/queries.ts";
import { useT, type Word } from "../api/words.ts";

const RIGHTS = ["create", "view", "decide", "approve"] as const;

export function Frame() {
  const t = useT();
  const me = useMe();
  const waiting = useMyApprovals().data?.length ?? 0;
  const count = waiting > 0 && (
    <Badge size="sm" variant="filled" aria-label={t("nav.waiting", { count: waiting })}>
      {waiting > 999 ? "999+" : waiting}
    </Badge>
  );
  const items: NavItem[] = [
    { to: "/", label: t("nav.changes"), icon: "list" },
    { to: "/my-approvals", label: t("nav.mine"), icon: "inbox", count: count || undefined },
  ];
  const rights = RIGHTS.filter(me.may).map((right) => t(`right.${right}` as Word));
  return (
    <Shell
      title={t("app.title")}
      items={items}
      search={search(t)}
      userExtra={
        <Text size="xs" c="dimmed">
          {rights.join(", ") || t("right.none")}
        </Text>
      }
    />
  );
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const search = (t: ReturnType<typeof useT>) => (text: string) => {
  const found = [{ label: t("palette.requester", { text }), to: "/", search: { requester: text } }];
  return UUID.test(text) ? [{ label: t("palette.change", { text }), to: `/change-requests/${text}` }, ...found] : found;
};

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
