/** What surrounds every page: the bar at the top, the way to the other pages, and who is signed in. */

import { ActionIcon, AppShell, Burger, Group, Text, Tooltip } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { lazy, type ReactNode, Suspense, useEffect } from "react";
import { useTranslate } from "../i18n.tsx";
import { useLiveness } from "../live.tsx";
import { useSession } from "../session/SessionProvider.tsx";
import { Announcer } from "../ui/announce.tsx";
import { Icon, type IconName } from "../ui/Icon.tsx";
import { UserMenu } from "./UserMenu.tsx";
import { usePalette } from "./usePalette.ts";

const DevelopmentBar = lazy(() => import("./DevelopmentBar.tsx").then((one) => ({ default: one.DevelopmentBar })));
const loadPalette = () => import("./Palette.tsx").then((one) => ({ default: one.Palette }));
const Palette = lazy(loadPalette);
/** Soon after the first page, so that the first key that is typed into the palette is not lost. */
const QUIET_MS = 2_000;

export interface NavItem {
  to: string;
  label: string;
  icon: IconName;
  /** A number that waits there. */
  count?: ReactNode;
  /** A word that begins a group of items. */
  group?: string;
}

interface Props {
  title: string;
  items: NavItem[];
  /** Finds things by what somebody typed into the palette. */
  search?: (text: string) => { label: string; to: string; search?: Record<string, string> }[];
  userExtra?: ReactNode;
}

export function Shell({ title, items, search, userExtra }: Props) {
  const t = useTranslate();
  const [isOpen, { toggle, close }] = useDisclosure();
  const { signIn } = useSession();
  const palette = usePalette();
  const path = useRouterState({ select: (state) => state.location.pathname });
  useEffect(close, [path]);
  useEffect(() => {
    const timer = setTimeout(loadPalette, QUIET_MS);
    return () => clearTimeout(timer);
  }, []);
  const isDevelopment = signIn.development && !signIn.issuer;
  const barHeight = isDevelopment ? 84 : 52;
  return (
    <AppShell
      header={{ height: barHeight }}
      navbar={{ width: 216, breakpoint: "sm", collapsed: { mobile: !isOpen } }}
      padding="md"
      className="kit-shell"
    >
      <a href="#main" className="kit-skip">
        {t("shell.skip")}
      </a>
      <AppShell.Header className="kit-no-print">
        {isDevelopment && (
          <Suspense fallback={<div className="kit-development" />}>
            <DevelopmentBar />
          </Suspense>
        )}
        <Group h={52} px="sm" justify="space-between" wrap="nowrap" gap="xs">
          <Group gap="xs" wrap="nowrap">
            <Burger
              opened={isOpen}
              onClick={toggle}
              hiddenFrom="sm"
              size="sm"
              aria-label={t(isOpen ? "shell.closeMenu" : "shell.openMenu")}
            />
            <Link to="/" className="kit-brand">
              <Mark />
              <Text fw={700} component="span" className="kit-brand-name">
                {title}
              </Text>
            </Link>
          </Group>
          <Group gap={4} wrap="nowrap">
            <LiveMark />
            <Tooltip label={t("palette.open")}>
              <ActionIcon
                variant="subtle"
                size="lg"
                onClick={palette.open}
                aria-label={t("palette.open")}
                aria-keyshortcuts="Control+K"
              >
                <Icon name="search" />
              </ActionIcon>
            </Tooltip>
            <UserMenu>{userExtra}</UserMenu>
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" className="kit-no-print" aria-label={t("shell.nav")} component="nav">
        <ul className="kit-nav">
          {items.map((item) => (
            <li key={item.to}>
              {item.group && <p className="kit-nav-group">{item.group}</p>}
              <Link
                to={item.to}
                activeOptions={{ exact: item.to === "/", includeSearch: false }}
                activeProps={{ "aria-current": "page" }}
              >
                <Icon name={item.icon} />
                <span>{item.label}</span>
                {item.count}
              </Link>
            </li>
          ))}
        </ul>
      </AppShell.Navbar>
      <AppShell.Main id="main" tabIndex={-1}>
        <Outlet />
      </AppShell.Main>
      {palette.wasOpened && (
        <Suspense>
          <Palette items={items} search={search} opened={palette.opened} onClose={palette.close} />
        </Suspense>
      )}
      <Announcer />
    </AppShell>
  );
}

function Mark() {
  return (
    <svg width={26} height={26} viewBox="0 0 26 26" aria-hidden="true" className="kit-mark">
      <rect width="26" height="26" rx="6" />
      <path d="M6 13.5l4.5 4.5L20 8" fill="none" strokeWidth="2.6" strokeLinecap="round" strokeLinejoin="round" />
    </svg>
  );
}

function LiveMark() {
  const t = useTranslate();
  const state = useLiveness();
  return (
    <Tooltip label={t(`live.${state}.why`)}>
      <Text size="xs" c="dimmed" component="span" className="kit-live" data-state={state} visibleFrom="xs">
        <span aria-hidden="true" className="kit-live-dot" /> {t(`live.${state}`)}
      </Text>
    </Tooltip>
  );
}
