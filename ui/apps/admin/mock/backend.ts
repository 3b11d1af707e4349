/**
 * Stands in for a server while pages are written (`npm run dev:mock`) and in tests: it has a state, its types are those
 * of the client, and words in what is sent make it fail: `fail-503` and the like, anywhere in a path or body.
 */

import type { OperationId, Output, Schemas } from "@awe/client";
import { OPERATIONS } from "../../../../clients/typescript/src/generated/operations.ts";
import { ask, newId, stored, type Task, tell, USERS, type World, world } from "./data.ts";

interface Call {
  path: Record<string, string>;
  query: URLSearchParams;
  body: unknown;
  subject: string;
  roles: string[];
}

type Answers = { [Id in OperationId]?: (call: Call) => Output<Id> };

class Refused extends Error {
  constructor(
    readonly status: number,
    readonly reason: string,
    message: string,
  ) {
    super(message);
  }
}

const OPEN = new Set(["open", "claimed", "expired"]);

export class Backend {
  readonly world: World = world();

  /** The answer to a call below `/v1/awe`. */
  async answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const text = await request.text();
    const asked = /fail-([45]\d\d)/.exec(`${url.pathname} ${url.search} ${text}`);
    if (asked) return refusal(Number(asked[1]), "internal", "asked to fail");
    const { subject, roles } = callerOf(request.headers.get("authorization"));
    for (const [id, method, pattern] of ROUTES) {
      const found = pattern.exec(url.pathname);
      if (method !== request.method || !found) continue;
      try {
        const call = {
          path: { ...found.groups },
          query: url.searchParams,
          body: text ? JSON.parse(text) : undefined,
          subject,
          roles,
        };
        const value = (this.answers[id] as (call: Call) => unknown)(call);
        return Response.json(value ?? null, { headers: { etag: `"${newId()}"` } });
      } catch (error) {
        if (error instanceof Refused) return refusal(error.status, error.reason, error.message);
        throw error;
      }
    }
    return refusal(404, "no_such_route", `the stand-in has no ${request.method} ${url.pathname}`);
  }

  private readonly answers: Answers = {
    config: () => ({ ...ENVELOPE, response: { sign_in: { issuer: null, client_id: null, development: true } } }),
    health: () => ({ ...ENVELOPE, response: { status: "UP" } }),
    version: () => ({
      ...ENVELOPE,
      response: { service_version: "0.0.0", build_time: new Date().toISOString(), git_commit: "none" },
    }),
    me: ({ subject, roles }) => ({
      subject,
      roles,
      is_admin: roles.includes("AWE_ADMIN"),
      is_viewer: roles.length > 0,
    }),
    get_overview: () => this.overview(),
    get_task_stats: ({ subject }) => ({ total: this.open(subject).length, overdue: 0, by_artifact_type: {} }),
    list_tasks: ({ query, subject }) => this.tasks(query, subject),
    get_task: ({ path }) => {
      const found = this.world.tasks.find(({ id }) => id === path.task_id);
      if (!found) throw new Refused(404, "unknown_task", "the task does not exist");
      return found;
    },
    decide_task: ({ path, body, subject }) => this.decide(path.task_id ?? "", body as Schemas["DecisionIn"], subject),
    decide_tasks: ({ body, subject }) => ({
      results: (body as Schemas["DecisionsIn"]).items.map((item) => this.result(item, subject)),
    }),
    list_requests: ({ query }) => this.requests(query),
    get_request: ({ path }) => this.request(path.request_id),
    create_request: ({ body }) => {
      const { title, artifact_id } = body as Schemas["CreateRequestIn"];
      const made = ask(this.world, title ?? artifact_id, artifact_id);
      return {
        request_id: made.id,
        status: made.status,
        current_stage_order: 1,
        tasks: this.world.tasks.filter((task) => task.request_id === made.id),
      };
    },
    cancel_request: ({ path, subject }) => {
      const found = this.request(path.request_id);
      if (found.status !== "in_review") throw new Refused(409, "request_finished", "the request is over");
      return this.end(found.id, "cancelled", subject);
    },
    get_request_progress: ({ path }) => this.progress(path.request_id ?? ""),
    list_request_events: ({ path }) => this.world.events.filter((event) => event.request_id === path.request_id),
    list_policies: () => this.newest(),
    list_policy_versions: ({ path }) => this.world.policies.filter((one) => one.policy_key === path.policy_key),
    get_policy_version: ({ path }) => this.policy(path),
    validate_policy: ({ body }) => {
      const named = (body as Schemas["PolicyCreate"]).name !== "";
      const problem = { pointer: "/name", field: "name", message: "must not be empty", severity: "error" as const };
      return { valid: named, complete: true, problems: named ? [] : [problem] };
    },
    create_policy: ({ body, subject }) => {
      const made = stored(body as Schemas["PolicyCreate"], 1, "draft", subject);
      if (this.world.policies.some((one) => one.policy_key === made.policy_key))
        throw new Refused(409, "policy_exists", "a policy with this key exists");
      this.world.policies.push(made);
      return made;
    },
    activate_policy_version: ({ path }) => {
      const wanted = this.policy(path);
      for (const one of this.world.policies)
        if (one.policy_key === wanted.policy_key && one.status === "active") one.status = "archived";
      wanted.status = "active";
      return wanted;
    },
    list_deliveries: () => this.world.deliveries,
    list_endpoints: () => [],
    list_callback_secrets: () => this.world.secrets,
    list_delegations: () => this.world.delegations,
    list_audit_actions: () => this.world.audit,
    get_system_config: () => ({ groups: [], is_local_dev: true, total_groups: 0 }),
    find_users: ({ query }) => {
      const ids = [...query.getAll("id"), ...(query.get("ids")?.split(",") ?? [])];
      const fits = ({ name, id }: (typeof USERS)[number]) =>
        `${name} ${id}`.toLowerCase().includes(query.get("q") ?? "");
      return USERS.filter((one) => (ids.length > 0 ? ids.includes(one.id) : fits(one)));
    },
    get_parts_health: () => ({
      as_of: new Date().toISOString(),
      parts: ["postgres", "nats", "outbox", "issuer_keys", "directory"].map((part) => ({
        part,
        status: part === "nats" ? "down" : "up",
        message: part === "nats" ? "not connected; events wait in the database meanwhile" : "answered within 1 ms",
      })),
    }),
    find_roles: () => [{ name: "officer" }],
    find_groups: () => [{ name: "finance", path: "/finance" }],
    find_clients: () => [{ client_id: "registry" }],
  };

  private open(subject: string): Task[] {
    return this.world.tasks.filter((task) => task.assignee === subject && OPEN.has(task.status));
  }

  private tasks(query: URLSearchParams, subject: string): Schemas["PagedTasksOut"] {
    const assignee = query.get("assignee") ?? "me";
    const who = assignee === "me" ? subject : assignee;
    const items = this.world.tasks.filter(
      (task) =>
        (who === "*" || task.assignee === who) &&
        (query.get("status") !== "actionable" || OPEN.has(task.status)) &&
        (!query.has("request_id") || task.request_id === query.get("request_id")),
    );
    return { items, page: 1, page_size: 200, pages: 1, total: items.length, total_is_lower_bound: false };
  }

  private requests(query: URLSearchParams): Schemas["RequestOut"][] {
    const text = (query.get("search_text") ?? "").toLowerCase();
    return this.world.requests.filter(
      (one) =>
        (!query.has("status") || one.status === query.get("status")) &&
        `${one.title} ${one.artifact_id}`.toLowerCase().includes(text),
    );
  }

  private request(id: string | undefined): Schemas["RequestOut"] {
    const found = this.world.requests.find((one) => one.id === id);
    if (!found) throw new Refused(404, "unknown_request", "the request does not exist");
    return found;
  }

  private policy(path: Record<string, string>): Schemas["PolicyOut"] {
    const found = this.world.policies.find(
      (one) => one.policy_key === path.policy_key && one.version === Number(path.version),
    );
    if (!found) throw new Refused(404, "unknown_policy", "the policy does not exist");
    return found;
  }

  private newest(): Schemas["PolicyOut"][] {
    const keys = [...new Set(this.world.policies.map((one) => one.policy_key))];
    return keys.flatMap((key) => this.world.policies.filter((one) => one.policy_key === key).slice(-1));
  }

  private decide(taskId: string, { action, comment }: Schemas["DecisionIn"], actor: string): Schemas["DecisionOut"] {
    const task = this.world.tasks.find((one) => one.id === taskId);
    if (!task) throw new Refused(404, "unknown_task", "the task does not exist");
    if (task.decision_action || !OPEN.has(task.status))
      throw new Refused(409, "task_decided", "the task has its decision");
    const at = new Date().toISOString();
    const id = newId();
    Object.assign(task, {
      status: "completed",
      decision_id: id,
      decision_action: action,
      decision_comment: comment,
      completed_at: at,
    });
    tell(this.world, this.request(task.request_id), "decision_recorded", actor, { action, comment });
    if (action !== "abstain") this.end(task.request_id, action === "approve" ? "approved" : "rejected", actor);
    return {
      id,
      action,
      actor,
      comment,
      created_at: at,
      late: false,
      request_id: task.request_id,
      stage_order: 1,
      task_id: taskId,
    };
  }

  private result({ task_id, action, comment }: Schemas["DecisionItemIn"], actor: string): Schemas["DecisionResultOut"] {
    try {
      return { task_id, status: 201, decision: this.decide(task_id, { action, comment }, actor) };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const reason = error.reason as Schemas["Reason"];
      return { task_id, status: error.status, error: { errorCode: "AWE-007", reason, message: error.message } };
    }
  }

  private end(requestId: string, status: string, actor: string): Schemas["RequestOut"] {
    const request = this.request(requestId);
    Object.assign(request, { status, completed_at: new Date().toISOString() });
    for (const task of this.world.tasks) {
      if (task.request_id !== requestId) continue;
      task.request_status = status;
      if (OPEN.has(task.status)) task.status = "skipped";
    }
    tell(this.world, request, `request_${status}`, actor, {});
    return request;
  }

  private progress(id: string): Schemas["ProgressOut"] {
    const request = this.request(id);
    const tasks = this.world.tasks.filter((task) => task.request_id === id);
    const waiting = tasks.filter((task) => OPEN.has(task.status)).map((task) => task.assignee);
    const isOver = request.status !== "in_review";
    const approvals = tasks.filter((task) => task.decision_action === "approve").length;
    const seats = tasks.map((task) => ({
      task_id: task.id,
      assignee: task.assignee,
      kind: task.kind,
      required: false,
      rules: [],
      status: task.status,
      decision: task.decision_action
        ? {
            action: task.decision_action,
            actor: task.assignee,
            comment: task.decision_comment,
            created_at: task.completed_at ?? "",
            late: false,
          }
        : null,
    }));
    const stage = {
      stage_id: tasks[0]?.stage_id ?? "",
      stage_order: 1,
      name: "Two officers",
      mode: "any-n",
      mode_value: 1,
      needed: 1,
      abstentions: 0,
      rejections: 0,
      approvals,
      seats: tasks.length,
      state: isOver ? request.status : "active",
      tasks: seats,
    };
    return {
      as_of: new Date().toISOString(),
      request_id: id,
      round: 1,
      status: request.status,
      summary: "",
      stages: [stage],
      next: [],
      waiting_for: isOver ? [] : [{ kind: "approvers", who: waiting, needed: 1, stage_order: 1 }],
      unblock: isOver ? [] : [{ action: "decide", who: waiting, stage_order: 1 }],
    };
  }

  private overview(): Schemas["OverviewOut"] {
    const count = (status: string) => this.world.requests.filter((one) => one.status === status).length;
    return {
      as_of: new Date().toISOString(),
      created_today: this.world.requests.length,
      finished_today: this.world.requests.length - count("in_review"),
      days: [],
      deliveries: { pending: 0, delivered: 0, exhausted: 0 },
      endpoints_in_trouble: [],
      events: { unpublished: 0 },
      requests: {
        approved: count("approved"),
        cancelled: count("cancelled"),
        expired: 0,
        in_review: count("in_review"),
        pending: 0,
        rejected: count("rejected"),
      },
      tasks: { open: this.world.tasks.filter((task) => OPEN.has(task.status)).length, overdue: 0 },
      time_to_decision: { sample: 0 },
    };
  }
}

const ENVELOPE = { id: "stand-in", version: "1.0", responsetime: "2026-01-01T00:00:00Z", errors: [] };

function refusal(status: number, reason: string, message: string): Response {
  return Response.json(
    { ...ENVELOPE, response: null, errors: [{ errorCode: "AWE-000", reason, message }] },
    { status },
  );
}

function callerOf(header: string | null): { subject: string; roles: string[] } {
  try {
    const claims = JSON.parse(Buffer.from(header?.split(".")[1] ?? "", "base64url").toString());
    return { subject: String(claims.sub), roles: claims.realm_access?.roles ?? [] };
  } catch {
    return { subject: "", roles: [] };
  }
}

/** Paths without a parameter come first: `/tasks/stats` is no task. */
const ROUTES: [OperationId, string, RegExp][] = Object.entries(OPERATIONS)
  .sort(([, one], [, other]) => Number(one.path.includes("{")) - Number(other.path.includes("{")))
  .map(([id, { method, path }]) => [
    id as OperationId,
    method,
    new RegExp(`^${path.replaceAll(/\{(\w+)\}/g, "(?<$1>[^/]+)")}$`),
  ]);
