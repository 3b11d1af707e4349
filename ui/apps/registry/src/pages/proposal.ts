/** What a record becomes when a change is applied: the same rules as the Registry's own. */

import type { Detail, Json } from "../api/types.ts";

export interface Proposal {
  before: Json;
  after: Json;
}

/** `update` merges names of the first level, and null takes one away; `delete` leaves nothing. */
export function proposalOf({ edit_action, change_payload, record }: Detail): Proposal {
  const before = record?.data ?? {};
  if (edit_action === "delete") return { before, after: {} };
  if (edit_action === "create") return { before, after: change_payload };
  const merged = Object.entries({ ...before, ...change_payload });
  return { before, after: Object.fromEntries(merged.filter(([, value]) => value !== null)) };
}
