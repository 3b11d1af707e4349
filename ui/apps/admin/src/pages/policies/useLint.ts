/** What the server says of a document while it is written. */

import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useApi } from "../../api/client.tsx";
import type { Policy, Problem } from "./model.ts";

const TYPING_MS = 500;

export interface Lint {
  problems: Problem[];
  /** False while it is asked, and after a change that was not looked at yet. */
  isKnown: boolean;
  isValid: boolean;
  error: unknown;
}

export function useLint(policy: Policy | undefined): Lint {
  const api = useApi();
  const [asked] = useDebouncedValue(policy, TYPING_MS);
  const { data, error, isFetching } = useQuery({
    queryKey: ["validate", asked],
    queryFn: ({ signal }) => api.call("validate_policy", { body: asked as Policy }, { signal }),
    enabled: asked !== undefined,
    staleTime: 60_000,
    gcTime: 60_000,
    placeholderData: (before) => before,
  });
  return {
    problems: data?.problems ?? [],
    isKnown: !isFetching && asked === policy,
    isValid: data?.valid ?? false,
    error,
  };
}
