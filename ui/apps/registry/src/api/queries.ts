/** What several pages ask for. */

import { usePollInterval } from "@awe/kit";
import { useQuery } from "@tanstack/react-query";
import { useApi } from "./client.tsx";
import type { Detail, MyApproval } from "./types.ts";

/** While a change waits: AWE's webhook changes it some moments after the last decision. */
const SOON_MS = 3_000;

/** Tasks of the viewer, on change requests of this registry. */
export function useMyApprovals() {
  const api = useApi();
  const poll = usePollInterval();
  return useQuery({
    queryKey: ["my-approvals"],
    queryFn: ({ signal }) => api.get<MyApproval[]>("/my-approvals", signal),
    refetchInterval: poll,
  });
}

export function useDetail(id: string) {
  const api = useApi();
  return useQuery({
    queryKey: ["change-request", id],
    queryFn: ({ signal }) => api.get<Detail>(`/change-requests/${encodeURIComponent(id)}`, signal),
    refetchInterval: ({ state }) => (state.data?.approval_status === "PENDING" ? SOON_MS : false),
  });
}
