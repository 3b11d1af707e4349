/** Small parts of pages. */

import { ActionIcon, Anchor, Badge, Box, Button, Group, Popover, Stack, Text, Title, Tooltip } from "@mantine/core";
import { useRouterState } from "@tanstack/react-router";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { useTranslate } from "../i18n.tsx";
import { announce } from "./announce.tsx";
import { Icon, type IconName } from "./Icon.tsx";
import { exported, type Row, save } from "./saving.ts";

/** A page: its title, also the window's; what can be done; and the rest. Its heading takes the focus on arrival. */
export function Page({
  title,
  subtitle,
  actions,
  children,
}: {
  title: string;
  subtitle?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}) {
  const heading = useRef<HTMLHeadingElement>(null);
  const path = useRouterState({ select: (state) => state.location.pathname });
  useEffect(() => {
    document.title = `${title} · ${document.documentElement.dataset.app ?? ""}`;
  }, [title]);
  useEffect(() => {
    if (arrives(path)) heading.current?.focus({ preventScroll: true });
  }, [path]);
  return (
    <Stack gap="md">
      <Group justify="space-between" align="flex-start" gap="sm" className="kit-page-head">
        <Box maw="100%">
          <Title order={1} size="h2" ref={heading} tabIndex={-1} className="kit-heading">
            {title}
          </Title>
          {subtitle && (
            <Text c="dimmed" size="sm" component="div">
              {subtitle}
            </Text>
          )}
        </Box>
        {actions && (
          <Group gap="xs" className="kit-no-print">
            {actions}
          </Group>
        )}
      </Group>
      {children}
    </Stack>
  );
}

/**
 * Whether the heading of this path takes the focus: after a step from another page, also when the page is drawn anew
 * once its data has come; not on the page that is opened first, where reading begins at the top.
 */
function arrives(path: string): boolean {
  const kept = document.documentElement.dataset;
  const before = kept.arrived;
  kept.arrived = path;
  if (before !== undefined && before !== path) kept.moved = path;
  return kept.moved === path && (before !== path || document.activeElement === document.body);
}

/** Nothing here: why, and what to do. */
export function Empty({ title, children, icon = "inbox" }: { title: string; children?: ReactNode; icon?: IconName }) {
  return (
    <Stack align="center" gap={6} py="xl" px="md" className="kit-empty">
      <Icon name={icon} size={32} />
      <Text fw={600}>{title}</Text>
      {children && (
        <Text c="dimmed" size="sm" ta="center" component="div" maw={520}>
          {children}
        </Text>
      )}
    </Stack>
  );
}

export function Section({
  title,
  actions,
  children,
  id,
}: {
  title: string;
  actions?: ReactNode;
  children: ReactNode;
  id?: string;
}) {
  return (
    <section aria-label={title} id={id} className="kit-section">
      <Group justify="space-between" mb="xs">
        <Title order={2} size="h4">
          {title}
        </Title>
        {actions && <Group gap="xs">{actions}</Group>}
      </Group>
      {children}
    </section>
  );
}

/** A text to take along: an id, a secret. */
export function Copy({ text, label, children }: { text: string; label: string; children?: ReactNode }) {
  const t = useTranslate();
  const [done, setDone] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setDone(true);
    announce(t("copy.done"));
    setTimeout(() => setDone(false), 2_000);
  };
  return (
    <Group gap={4} wrap="nowrap" display="inline-flex" className="kit-copy">
      {children ?? <code className="kit-code">{text}</code>}
      <Tooltip label={done ? t("copy.done") : label}>
        <ActionIcon variant="subtle" size={26} aria-label={label} onClick={copy}>
          <Icon name={done ? "check" : "copy"} size={16} />
        </ActionIcon>
      </Tooltip>
    </Group>
  );
}

export type Tone = "good" | "bad" | "warn" | "busy" | "quiet";
const TONES: Record<Tone, { color: string; icon: IconName }> = {
  good: { color: "green", icon: "check" },
  bad: { color: "red", icon: "cross" },
  warn: { color: "orange", icon: "alert" },
  busy: { color: "blue", icon: "clock" },
  quiet: { color: "gray", icon: "minus" },
};

/** A state by word, picture and colour: never by colour alone. */
export function Status({ tone, children, icon }: { tone: Tone; children: ReactNode; icon?: IconName }) {
  return (
    <Badge
      variant="light"
      color={TONES[tone].color}
      leftSection={<Icon name={icon ?? TONES[tone].icon} size={12} />}
      className="kit-status"
      radius="sm"
    >
      {children}
    </Badge>
  );
}

/** Pairs of a name and what is there. */
export function Facts({ facts }: { facts: [string, ReactNode][] }) {
  return (
    <dl className="kit-facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value === null || value === undefined || value === "" ? "–" : value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** What is on the screen, as a file. */
export function Export({ name, rows }: { name: string; rows: Row[] }) {
  const t = useTranslate();
  const [opened, setOpened] = useState(false);
  return (
    <Popover opened={opened} onChange={setOpened} position="bottom-end" withinPortal={false} trapFocus returnFocus>
      <Popover.Target>
        <Button
          variant="default"
          leftSection={<Icon name="download" size={16} />}
          disabled={rows.length === 0}
          onClick={() => setOpened(!opened)}
        >
          {t("export")}
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <Stack gap={4}>
          {(["csv", "json"] as const).map((kind) => (
            <Button
              key={kind}
              variant="subtle"
              onClick={() => {
                save(`${name}.${kind}`, exported(rows, kind));
                setOpened(false);
              }}
            >
              {t("export.as", { kind: kind.toUpperCase(), count: rows.length })}
            </Button>
          ))}
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}

/** A link out of these pages, only where it leads to the web. */
export function Outward({ href, children }: { href: string; children: ReactNode }) {
  if (!/^https?:\/\//i.test(href)) return <>{children}</>;
  return (
    <Anchor href={href} target="_blank" rel="noreferrer noopener">
      {children} <Icon name="link" size={13} />
    </Anchor>
  );
}
