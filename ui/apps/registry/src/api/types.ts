/** What the Registry answers; `schemas/registry-openapi.json` has the whole of it. */

export const STATUSES = ["PENDING", "APPROVED", "REJECTED", "CANCELLED"] as const;
export type Json = Record<string, unknown>;

export interface ChangeRequest {
  change_request_id: string;
  register_mnemonic: string;
  section_id: string;
  record_id: string;
  edit_action: "create" | "update" | "delete";
  requester: string;
  approval_status: (typeof STATUSES)[number];
  approved_by: string | null;
  approved_at: string | null;
  rejected_by: string | null;
  cancelled_by: string | null;
  reason: string | null;
  override_by: string | null;
  override_reason: string | null;
  /** Null: not gated by AWE. */
  awe_request_id: string | null;
  created_at: string;
}

export interface LiveRecord {
  data: Json;
  version: number;
  updated_at: string;
}

export interface Detail extends ChangeRequest {
  change_payload: Json;
  record: LiveRecord | null;
}

export interface MyApproval {
  task: { id: string; stage_name: string | null; due_at: string | null; created_at: string };
  change_request: ChangeRequest;
}

export interface Me {
  subject: string;
  permissions: string[];
}

export interface Decided {
  change_request_id: string;
  approval_status: ChangeRequest["approval_status"];
  awe: { action: string; more: number } | null;
}
