/** What the stand-in for a server begins with. */

import type { Schemas } from "@awe/client";

export type Policy = Schemas["PolicyOut"];
export type Request = Schemas["RequestOut"];
export type Task = Schemas["TaskOut"];
export type Delivery = Schemas["DeliveryOut"];
export type Secret = Schemas["CallbackSecretOut"];
export type Delegation = Schemas["DelegationOut"];
export type Audit = Schemas["AuditActionOut"];
export type Event = Schemas["EventOut"];

export interface World {
  policies: Policy[];
  requests: Request[];
  tasks: Task[];
  events: Event[];
  deliveries: Delivery[];
  secrets: Secret[];
  delegations: Delegation[];
  audit: Audit[];
}

export const USERS: Schemas["DirectoryUserOut"][] = [
  ["admin", "Ada Admin"],
  ["auditor", "Ola Auditor"],
  ["amina", "Amina Okafor"],
  ["badru", "Badru Mwangi"],
  ["hana", "Hana Tesfaye"],
].map(([id = "", name]) => ({ id, name, username: id, email: `${id}@example.org`, enabled: true }));

let made = 0;
export function newId(): string {
  return `00000000-0000-4000-8000-${String(++made).padStart(12, "0")}`;
}

export function stored(body: Schemas["PolicyCreate"], version: number, status: string, by: string): Policy {
  const now = new Date().toISOString();
  const rule = (one: Schemas["ApproverRuleIn"]) => ({ id: newId(), kind: "approver", required: false, ...one });
  return {
    forbid_repeat_approvers: false,
    forbid_self_approval: false,
    ...body,
    id: newId(),
    version,
    status,
    created_at: now,
    updated_at: now,
    created_by: by,
    stages: (body.stages ?? []).map((stage) => ({
      mode: "all",
      reject_mode: "veto",
      on_empty: "block",
      ...stage,
      id: newId(),
      rules: (stage.rules ?? []).map(rule),
      escalation_rules: (stage.escalation_rules ?? []).map(rule),
    })),
  };
}

const TITLES = [
  "New bank account for the Okafor household",
  "Emergency grant for 14 families",
  "School fees, second term",
  "Correction of a double payment",
];

export function world(): World {
  const body: Schemas["PolicyCreate"] = {
    policy_key: "payments",
    name: "Payments",
    artifact_type: "payment",
    stages: [
      {
        name: "Two officers",
        stage_order: 1,
        mode: "any-n",
        mode_value: 1,
        rules: ["admin", "amina"].map((user_id) => ({ rule_type: "user", rule_value: { user_id } })),
      },
    ],
  };
  const empty: World = {
    policies: [stored(body, 1, "active", "admin")],
    requests: [],
    tasks: [],
    events: [],
    deliveries: [],
    secrets: [],
    delegations: [],
    audit: [],
  };
  for (const [at, title] of TITLES.entries()) ask(empty, title, `CR-2026-${String(at).padStart(4, "0")}`);
  return empty;
}

/** A request with a task for each person whom the first stage names. */
export function ask(into: World, title: string, artifactId: string): Request {
  const policy = into.policies.find((one) => one.status === "active");
  if (!policy) throw new Error("no policy is active");
  const stage = policy.stages[0];
  const now = new Date().toISOString();
  const request: Request = {
    id: newId(),
    policy_id: policy.id,
    policy_key: policy.policy_key,
    policy_version: policy.version,
    artifact_type: policy.artifact_type,
    artifact_id: artifactId,
    title,
    summary: "The account that payments go to changes from 0012 to 0047.",
    context: { amount: 2500, district: "north" },
    requester: "hana",
    source_service: "registry",
    status: "in_review",
    current_stage_order: 1,
    created_at: now,
    updated_at: now,
  };
  into.requests.unshift(request);
  for (const rule of stage?.rules ?? []) {
    const { user_id: assignee } = rule.rule_value as { user_id: string };
    into.tasks.push({
      id: newId(),
      request_id: request.id,
      assignee,
      kind: "approver",
      status: "open",
      stage_id: stage?.id ?? "",
      stage_name: stage?.name,
      comment_required: stage?.comment_required,
      stage_order: 1,
      title,
      summary: request.summary,
      context: request.context,
      requester: request.requester,
      artifact_id: artifactId,
      artifact_type: policy.artifact_type,
      policy_key: policy.policy_key,
      request_status: "in_review",
      created_at: now,
    });
  }
  tell(into, request, "request_created", "registry", {});
  return request;
}

export function tell(
  into: World,
  request: Request,
  type: string,
  actor: string,
  payload: Record<string, unknown>,
): void {
  const sequence = into.events.filter((event) => event.request_id === request.id).length + 1;
  into.events.push({
    id: newId(),
    request_id: request.id,
    event_type: type,
    actor,
    payload,
    sequence,
    created_at: new Date().toISOString(),
  });
  request.updated_at = new Date().toISOString();
}
