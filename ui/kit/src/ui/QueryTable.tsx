/** A page of a list: rows, placeholders while they come, words when there are none, and the way to the next page. */

import { Button, Group, Skeleton, Text } from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import { type ReactNode, useEffect, useRef } from "react";
import { useTranslate } from "../i18n.tsx";
import { ErrorNote } from "../problem.tsx";
import { useUrl } from "../search.ts";
import { Icon } from "./Icon.tsx";

export interface Column<Item> {
  id: string;
  title: string;
  cell: (item: Item) => ReactNode;
  /** Least important: not shown on paper or where there is little room. */
  minor?: boolean;
  align?: "end";
}

export interface ListPage<Item> {
  items: Item[];
  nextCursor?: string | undefined;
}

export interface Selection {
  selected: ReadonlySet<string>;
  onChange: (selected: ReadonlySet<string>) => void;
  /** What the box of a row is called. */
  label: (id: string) => string;
}

interface Props<Item> {
  caption: string;
  columns: Column<Item>[];
  query: UseQueryResult<ListPage<Item>>;
  id: (item: Item) => string;
  empty: ReactNode;
  /** Of the search words that hold the place in the list. */
  cursorName?: string;
  selection?: Selection;
  /** Rows that have changed since: the list offers to look again, and moves nothing by itself. */
  news?: { count: number; onShow: () => void };
  /** The row that a drawer or the keyboard is on. */
  current?: string;
}

export function QueryTable<Item>(props: Props<Item>) {
  const { caption, columns, query, id, empty, selection, news, current } = props;
  const t = useTranslate();
  const items = query.data?.items ?? [];
  if (query.isError && !query.data) return <ErrorNote error={query.error} onRetry={() => query.refetch()} />;
  if (query.isSuccess && items.length === 0) {
    return (
      <>
        <News news={news} />
        {empty}
        <Pager {...props} />
      </>
    );
  }
  if (query.isPending) {
    return (
      <div className="kit-table" aria-busy="true">
        <News news={news} />
        <Placeholders />
      </div>
    );
  }
  const all = items.map(id);
  const chosen = all.filter((one) => selection?.selected.has(one)).length;
  return (
    <div className="kit-table" aria-busy={query.isFetching}>
      <News news={news} />
      {query.isError && <ErrorNote error={query.error} onRetry={() => query.refetch()} />}
      <div className="kit-scroll">
        <table className="kit-rows">
          <caption className="kit-unseen">{caption}</caption>
          <thead>
            <tr>
              {selection && (
                <th className="kit-select-cell">
                  <label className="kit-select-all">
                    <input
                      type="checkbox"
                      className="kit-check"
                      checked={chosen === all.length && all.length > 0}
                      ref={(box) => {
                        if (box) box.indeterminate = chosen > 0 && chosen < all.length;
                      }}
                      onChange={() => selection.onChange(chosen === all.length ? new Set() : new Set(all))}
                    />
                    <span>{t("table.selectPage", { count: all.length })}</span>
                  </label>
                </th>
              )}
              {columns.map((column) => (
                <th key={column.id} className={classOf(column)} scope="col">
                  {column.title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {items.map((item) => (
              <tr key={id(item)} data-current={id(item) === current || undefined}>
                {selection && (
                  <td className="kit-select-cell">
                    <input
                      type="checkbox"
                      className="kit-check"
                      aria-label={selection.label(id(item))}
                      checked={selection.selected.has(id(item))}
                      onChange={() => selection.onChange(toggled(selection.selected, id(item)))}
                    />
                  </td>
                )}
                {columns.map((column, at) => (
                  <td key={column.id} className={classOf(column, at === 0)} data-label={column.title}>
                    {column.cell(item)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <Pager {...props} />
    </div>
  );
}

function classOf<Item>({ minor, align }: Column<Item>, isFirst = false): string | undefined {
  return (
    [isFirst && "kit-first", minor && "kit-minor", align === "end" && "kit-end"].filter(Boolean).join(" ") || undefined
  );
}

export function toggled(set: ReadonlySet<string>, id: string): ReadonlySet<string> {
  const next = new Set(set);
  if (!next.delete(id)) next.add(id);
  return next;
}

/** Holds the place of rows that come. They appear as a whole, so that nothing that is read already moves. */
function Placeholders() {
  return (
    <div className="kit-placeholders">
      {["a", "b", "c", "d", "e", "f", "g", "h"].map((row) => (
        <Skeleton key={row} height={30} />
      ))}
    </div>
  );
}

/** Says that there is more to see. Its place is kept, so that rows stay where they are when it comes. */
function News({ news }: { news: Props<unknown>["news"] }) {
  const t = useTranslate();
  if (!news) return null;
  return (
    <div className="kit-news" role="status">
      {news.count > 0 && (
        <Button size="compact-sm" variant="light" leftSection={<Icon name="refresh" size={14} />} onClick={news.onShow}>
          {t("table.news", { count: news.count })}
        </Button>
      )}
    </div>
  );
}

function Pager<Item>({ query, cursorName = "cursor" }: Props<Item>) {
  const t = useTranslate();
  const url = useUrl();
  const at = url.get(cursorName);
  const next = query.data?.nextCursor;
  const count = query.data?.items.length ?? 0;
  const top = useRef<HTMLDivElement>(null);
  const before = useRef(at);
  useEffect(() => {
    if (before.current === at) return;
    before.current = at;
    window.scrollTo({ top: 0 });
  }, [at]);
  return (
    <Group justify="space-between" mt="xs" className="kit-pager" ref={top}>
      <Text size="sm" c="dimmed">
        {t(next && count === 0 ? "table.further" : "table.shown", { count })}
      </Text>
      {(at || next) && (
        <Group gap="xs" className="kit-no-print">
          {at && (
            <Button variant="default" size="xs" onClick={() => url.set({ [cursorName]: undefined })}>
              {t("table.first")}
            </Button>
          )}
          {at && (
            <Button variant="default" size="xs" onClick={() => history.back()}>
              {t("table.previous")}
            </Button>
          )}
          <Button variant="default" size="xs" disabled={!next} onClick={() => url.set({ [cursorName]: next })}>
            {t("table.next")}
          </Button>
        </Group>
      )}
    </Group>
  );
}
