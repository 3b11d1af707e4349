/** What a record becomes when a change is applied: the same rules as the Registry's own. */

import type { Detail, Json } from "../api/types.ts";

export interface Proposal {
  /** Null: there is no record. */
  before: Json | null;
  after: Json | null;
}

/** `update` merges names of the first level, and null takes one away; `delete` leaves nothing. */
export function proposalOf({ edit_action, change_payload, record }: Detail): Proposal {
  const before = record?.data ?? null;
  if (edit_action === "delete") return { before, after: null };
  if (edit_action === "create") return { before, after: change_payload };
  const merged = Object.entries({ ...before, ...change_payload });
  return { before, after: Object.fromEntries(merged.filter(([, value]) => value !== null)) };
}
