/** The tasks that wait for whoever is signed in, due first. */

import type { Schemas } from "@awe/client";
import { type LiveEvent, type Search, useNews, usePollInterval } from "@awe/kit";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useApi, useMe } from "../../api/client.tsx";

export type Task = Schemas["TaskOut"];

const PAGE_SIZE = 50;

export function useQueue(search: Search) {
  const api = useApi();
  const me = useMe();
  const poll = usePollInterval();
  const filters = {
    search_text: search.search_text,
    policy_key: search.policy_key,
    artifact_type: search.artifact_type,
    overdue: search.overdue === "true" ? true : undefined,
    cursor: search.cursor,
  };
  const query = useQuery({
    queryKey: ["tasks", "queue", filters],
    queryFn: async ({ signal }) => {
      const asked = { ...filters, assignee: "me", status: "actionable", sort: "due", page_size: PAGE_SIZE };
      const { value, nextCursor } = await api.answer("list_tasks", { query: asked }, { signal });
      return { items: value.items, nextCursor, total: value.total, isMore: value.total_is_lower_bound };
    },
    placeholderData: (before, last) => (sameFilters(last?.queryKey[2], filters) ? before : undefined),
    // Nothing moves while somebody reads: news are offered, and only without a stream the list looks by itself.
    refetchOnWindowFocus: false,
  });
  const news = useNews((event) => concernsTasks(event) && event.actor !== me.subject);
  const client = useQueryClient();
  const show = () => {
    news.clear();
    client.invalidateQueries({ queryKey: ["tasks"] });
  };
  const changed = useChanged(query.data?.items, filters, poll);
  return { query, news: { count: news.count || changed, onShow: show } };
}

function sameFilters(one: unknown, other: { cursor?: string }): boolean {
  const plain = (value: unknown) => JSON.stringify({ ...(value as object), cursor: undefined });
  return one !== undefined && plain(one) === plain(other);
}

function concernsTasks(event: LiveEvent): boolean {
  return event.event_type !== "task_claimed" && event.event_type !== "stage_skipped";
}

/** Without a stream: how many tasks have come, asked every 15 seconds of a list that is not shown. */
function useChanged(shown: Task[] | undefined, filters: object, poll: number | false): number {
  const api = useApi();
  const { data } = useQuery({
    queryKey: ["tasks", "peek", filters],
    queryFn: ({ signal }) => {
      const query = {
        ...filters,
        assignee: "me",
        status: "actionable",
        sort: "due",
        page_size: PAGE_SIZE,
        count: "none",
      };
      return api.call("list_tasks", { query }, { signal });
    },
    enabled: poll !== false && shown !== undefined,
    refetchInterval: poll,
  });
  if (!data || !shown || poll === false) return 0;
  const known = new Set(shown.map((task) => task.id));
  return data.items.filter((task) => !known.has(task.id)).length;
}

/** What people call the thing that is to be approved. */
export function titleOf(thing: {
  title?: string | null;
  artifact_type?: string | null;
  artifact_id?: string | null;
}): string {
  return thing.title || [thing.artifact_type, thing.artifact_id].filter(Boolean).join(" ") || "–";
}
