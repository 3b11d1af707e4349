/** Filters of a list, kept in the URL. Choices count at once, words when one stops typing. */

import { Button, Group, NativeSelect, TextInput } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import { useTranslate } from "../i18n.tsx";
import { useUrl } from "../search.ts";
import { Icon } from "./Icon.tsx";

export type Filter =
  | { name: string; label: string; kind: "text"; placeholder?: string; wide?: boolean }
  | { name: string; label: string; kind: "choice"; options: { value: string; label: string }[]; anything: string }
  | { name: string; label: string; kind: "moment" };

const TYPING_MS = 350;

export function FilterBar({ filters, cursorName = "cursor" }: { filters: Filter[]; cursorName?: string }) {
  const t = useTranslate();
  const url = useUrl();
  const used = filters.filter(({ name }) => url.get(name) !== undefined);
  const set = (name: string, value: string) =>
    url.set({ [name]: value || undefined, [cursorName]: undefined }, { replace: true });
  const clear = () => {
    const none = Object.fromEntries(filters.map(({ name }) => [name, undefined]));
    url.set({ ...none, [cursorName]: undefined });
  };
  return (
    <search aria-label={t("filter.label")} className="kit-filters kit-no-print">
      <Group gap="xs" align="end">
        {filters.map((filter) => (
          <One
            key={filter.name}
            filter={filter}
            value={url.get(filter.name) ?? ""}
            onChange={(value) => set(filter.name, value)}
          />
        ))}
        {used.length > 0 && (
          <Button variant="subtle" size="sm" leftSection={<Icon name="cross" size={14} />} onClick={clear}>
            {t("filter.clear", { count: used.length })}
          </Button>
        )}
      </Group>
    </search>
  );
}

function One({ filter, value, onChange }: { filter: Filter; value: string; onChange: (value: string) => void }) {
  if (filter.kind === "choice") {
    return (
      <NativeSelect
        label={filter.label}
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
        data={[{ value: "", label: filter.anything }, ...filter.options]}
        className="kit-filter"
      />
    );
  }
  if (filter.kind === "moment") {
    return (
      <TextInput
        type="datetime-local"
        label={filter.label}
        value={toLocal(value)}
        onChange={(event) => onChange(fromLocal(event.currentTarget.value))}
        className="kit-filter"
      />
    );
  }
  return <Words filter={filter} value={value} onChange={onChange} />;
}

function Words({
  filter,
  value,
  onChange,
}: {
  filter: Extract<Filter, { kind: "text" }>;
  value: string;
  onChange: (value: string) => void;
}) {
  const [text, setText] = useState(value);
  const sent = useRef(value);
  const latest = useRef(onChange);
  latest.current = onChange;
  useEffect(() => {
    // The URL has changed by itself: by the way back, or by "clear".
    if (value !== sent.current) {
      sent.current = value;
      setText(value);
    }
  }, [value]);
  useEffect(() => {
    if (text === sent.current) return;
    const timer = setTimeout(() => {
      sent.current = text;
      latest.current(text);
    }, TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <TextInput
      label={filter.label}
      placeholder={filter.placeholder}
      value={text}
      maxLength={200}
      onChange={(event) => setText(event.currentTarget.value)}
      leftSection={filter.wide ? <Icon name="search" size={16} /> : undefined}
      className={filter.wide ? "kit-filter kit-filter-wide" : "kit-filter"}
    />
  );
}

/** A moment of the URL (UTC) as the field of the browser has it, in the browser's zone. */
export function toLocal(iso: string): string {
  const date = new Date(iso);
  if (iso === "" || Number.isNaN(date.getTime())) return "";
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

export function fromLocal(text: string): string {
  const date = new Date(text);
  return text === "" || Number.isNaN(date.getTime()) ? "" : date.toISOString();
}
