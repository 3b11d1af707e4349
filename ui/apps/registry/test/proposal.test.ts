/** What a record becomes, by the Registry's own rules. */

import { describe, expect, test } from "vitest";
import type { Detail } from "../src/api/types.ts";
import { proposalOf } from "../src/pages/proposal.ts";

const detail = (edit_action: Detail["edit_action"], change_payload: Detail["change_payload"], data?: object) =>
  ({
    edit_action,
    change_payload,
    record: data ? { data, version: 1, updated_at: "2026-03-01T10:00:00Z" } : null,
  }) as Detail;

describe("a proposal", () => {
  test("of an update merges the first level, and null takes away", () => {
    const change = detail(
      "update",
      { amount: 5, place: { village: "B" }, note: null },
      { amount: 1, note: "x", place: { town: "A" } },
    );
    expect(proposalOf(change).after).toEqual({ amount: 5, place: { village: "B" } });
  });
  test("of a creation is the whole, and of a deletion nothing", () => {
    expect(proposalOf(detail("create", { amount: 5 }))).toEqual({ before: null, after: { amount: 5 } });
    expect(proposalOf(detail("delete", {}, { amount: 1 }))).toEqual({ before: { amount: 1 }, after: null });
  });
});
