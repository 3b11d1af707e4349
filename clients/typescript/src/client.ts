/** The client. */

import type { Token } from "./auth.js";
import { AweError, WaitTimeout } from "./errors.js";
import type { components, operations } from "./generated/openapi.js";
import type { OPERATIONS } from "./generated/operations.js";
import { streaming } from "./streaming.js";
import {
  type Answer,
  type CallOptions,
  type ClientOptions,
  type Input,
  type OperationId,
  type Output,
  Transport,
} from "./transport.js";
import type { Watcher } from "./waiting.js";
import { FINAL_STATUSES, type WebhookEvent } from "./webhooks/events.js";

export type Schemas = components["schemas"];
export type RequestFilters = NonNullable<operations["list_requests"]["parameters"]["query"]>;
export type TaskFilters = NonNullable<operations["list_tasks"]["parameters"]["query"]>;

/** The operations whose lists go on after a `cursor`. */
export type CursorId = {
  [Id in OperationId]: operations[Id] extends { parameters: { query?: { cursor?: string } } }
    ? (typeof OPERATIONS)[Id]["isPaged"] extends true
      ? "cursor" extends keyof NonNullable<operations[Id]["parameters"]["query"]>
        ? Id
        : never
      : never
    : never;
}[OperationId];

/** One page of a list. There are more when `nextCursor` is defined. */
export interface Page<Item> {
  items: Item[];
  nextCursor: string | undefined;
}

/** A request that was created. */
export type Created = Schemas["CreateRequestOut"] & {
  /** The key that it was created with: the same key and body give the same request again. */
  idempotencyKey: string;
  /** It existed already: an earlier attempt or call with this key made it. */
  replayed: boolean;
};

/**
 * Calls AWE. Every method rejects with an AweError: ApiError and its kinds when AWE refused, TransportError and
 * RequestTimeout when no answer came, UnexpectedAnswer when it was not AWE's, TokenError when there was no token; and with
 * the reason of `signal` when that was aborted.
 */
export class AweClient {
  readonly #transport: Transport;

  constructor(options: ClientOptions) {
    this.#transport = new Transport(options);
  }

  /** A client that calls with another token, for example the user's. */
  withToken(token: Token): AweClient {
    return new AweClient({ ...this.#transport.options, token });
  }

  /** Calls any operation of the contract by its `operationId`. A list answers one page: see `page`. */
  async call<Id extends OperationId>(id: Id, input: Input<Id>, options: CallOptions = {}): Promise<Output<Id>> {
    return (await this.#transport.send(id, input, options)).value;
  }

  /** As `call`, with what the head of the answer says too: `ETag`, `nextCursor`, the key that was sent. */
  answer<Id extends OperationId>(id: Id, input: Input<Id>, options: CallOptions = {}): Promise<Answer<Output<Id>>> {
    return this.#transport.send(id, input, options);
  }

  /** Calls an operation that answers a list in pages. */
  async page<Id extends OperationId>(
    id: Id,
    input: Input<Id>,
    options: CallOptions = {},
  ): Promise<Output<Id> extends (infer Item)[] ? Page<Item> : never> {
    const { value, nextCursor } = await this.#transport.send(id, input, options);
    return { items: value, nextCursor } as unknown as Output<Id> extends (infer Item)[] ? Page<Item> : never;
  }

  /**
   * Asks for approval. Every attempt carries one key, which is minted when none is given; use the id of your own change
   * as the key, and a call that is repeated after a crash finds the request that was made.
   */
  async create(
    request: Schemas["CreateRequestIn"],
    { idempotencyKey, ...options }: CallOptions & { idempotencyKey?: string } = {},
  ): Promise<Created> {
    const input = { body: request, ...(idempotencyKey === undefined ? {} : { idempotencyKey }) };
    const { value, headers, key } = await this.#transport.send("create_request", input, options);
    return { ...value, idempotencyKey: key ?? "", replayed: headers.get("idempotency-replayed") === "true" };
  }

  get(requestId: string, options?: CallOptions): Promise<Schemas["RequestOut"]> {
    return this.call("get_request", { path: { request_id: requestId } }, options);
  }

  /** One page, newest first. */
  list(filters: RequestFilters = {}, options?: CallOptions): Promise<Page<Schemas["RequestOut"]>> {
    return this.page("list_requests", { query: filters }, options);
  }

  /** All requests that the filters leave, newest first, page by page. `limit`: of a page. */
  iterate(filters: RequestFilters = {}, options?: CallOptions): AsyncGenerator<Schemas["RequestOut"]> {
    return this.every("list_requests", { query: filters }, options);
  }

  /** All items of an operation that takes a `cursor` and answers a page, such as `list_deliveries`. */
  async *every<Id extends CursorId>(
    id: Id,
    input: Input<Id>,
    options?: CallOptions,
  ): AsyncGenerator<Output<Id> extends (infer Item)[] ? Item : never> {
    const filters = (input.query ?? {}) as { cursor?: string };
    for (let cursor = filters.cursor, first = true; first || cursor !== undefined; first = false) {
      const query = cursor === undefined ? filters : { ...filters, cursor };
      const page: Page<unknown> = await this.page(id, { ...input, query } as Input<Id>, options);
      yield* page.items as (Output<Id> extends (infer Item)[] ? Item : never)[];
      cursor = page.nextCursor;
    }
  }

  /** All tasks that the filters leave, page by page; the subject's own unless `assignee` says others. */
  async *tasks(filters: TaskFilters = {}, options?: CallOptions): AsyncGenerator<Schemas["TaskOut"]> {
    let query: TaskFilters = { count: "none", ...filters };
    for (;;) {
      const { value, nextCursor } = await this.answer("list_tasks", { query }, options);
      yield* value.items;
      // A page may hold less than its size, or nothing, and go on: its cursor says so.
      if (nextCursor === undefined) return;
      const { page: _, ...rest } = query;
      query = { ...rest, cursor: nextCursor };
    }
  }

  /** Says that the token's subject is on it. Rejects with Conflict when somebody else is, or it is decided. */
  claim(taskId: string, options?: CallOptions): Promise<Schemas["TaskOut"]> {
    return this.call("claim_task", { path: { task_id: taskId } }, options);
  }

  /**
   * Records a decision. Rejects with Conflict (`task_decided`) when the task has its decision: after a lost answer that
   * may be your own, which `tasks({ request_id, assignee: "*" })` tells.
   */
  decide(taskId: string, decision: Schemas["DecisionIn"], options?: CallOptions): Promise<Schemas["DecisionOut"]> {
    return this.call("decide_task", { path: { task_id: taskId }, body: decision }, options);
  }

  /**
   * Records 1 to 100 decisions, each as if it came alone. `results` has one entry for each, in order: a bad one harms no
   * other.
   */
  decideMany(items: Schemas["DecisionItemIn"][], options?: CallOptions): Promise<Schemas["DecisionsOut"]> {
    return this.call("decide_tasks", { body: { items } }, options);
  }

  /**
   * A version of a policy with its ETag. As `If-Match` of `update_policy_version` or `activate_policy_version` it makes
   * them reject with PreconditionFailed when somebody else was there first.
   */
  async policy(
    policyKey: string,
    version: number,
    options: CallOptions = {},
  ): Promise<{ value: Schemas["PolicyOut"]; etag: string | undefined }> {
    const input: Input<"get_policy_version"> = { path: { policy_key: policyKey, version } };
    const { value, headers } = await this.#transport.send("get_policy_version", input, options);
    return { value, etag: headers.get("etag") ?? undefined };
  }

  /** Stops a request. Rejects with Conflict (`request_finished`) when it has ended. */
  cancel(requestId: string, reason?: string, options?: CallOptions): Promise<Schemas["RequestOut"]> {
    const body = reason === undefined ? {} : { reason };
    return this.call("cancel_request", { path: { request_id: requestId }, body }, options);
  }

  /** The history of a request in order, with a `sequence` beyond `after`, page by page. */
  async *events(requestId: string, after = 0, options?: CallOptions): AsyncGenerator<Schemas["EventOut"]> {
    for (let from: number | undefined = after; from !== undefined; ) {
      const input: Input<"list_request_events"> = { path: { request_id: requestId }, query: { after: from } };
      const page: Page<Schemas["EventOut"]> = await this.page("list_request_events", input, options);
      yield* page.items;
      from = page.nextCursor === undefined ? undefined : Number(page.nextCursor);
    }
  }

  /** Whether AWE has this event: messages on NATS are not signed, so ask before something irreversible. */
  async confirm(event: WebhookEvent, options?: CallOptions): Promise<boolean> {
    for await (const one of this.events(event.request_id, event.sequence - 1, options)) {
      return one.id === event.event_id && one.event_type === event.event_type;
    }
    return false;
  }

  /** Learns by server-sent events that a request has ended; `fallBack` says when to ask where they cannot be had. */
  streaming(fallBack?: Watcher): Watcher {
    return streaming(this.#transport, fallBack);
  }

  /**
   * Resolves with the request when it is approved, rejected, cancelled or expired. It is told by server-sent events; where
   * they cannot be had, AWE is asked again and again. Rejects with WaitTimeout after `timeoutMs` (300,000 when absent),
   * and with the error of the first look; after that, what may pass (AWE is away, or overloaded) is waited for. `watcher`:
   * how to learn that it may have changed, as `polling()`.
   */
  async waitUntilTerminal(
    requestId: string,
    {
      timeoutMs = 300_000,
      watcher = this.streaming(),
      signal,
    }: { timeoutMs?: number; watcher?: Watcher; signal?: AbortSignal } = {},
  ): Promise<Schemas["RequestOut"]> {
    const options: CallOptions = signal ? { signal } : {};
    const until = performance.now() + timeoutMs;
    let cause: AweError | undefined;
    let found = await this.get(requestId, options);
    const watch = watcher(requestId);
    try {
      while (!FINAL_STATUSES.has(found.status)) {
        const left = until - performance.now();
        if (left <= 0) throw new WaitTimeout(requestId, found.status, timeoutMs, { cause });
        await watch.wait(left, signal);
        try {
          found = await this.get(requestId, options);
          cause = undefined;
        } catch (error) {
          if (!(error instanceof AweError && error.isRetryable)) throw error;
          cause = error;
        }
      }
      return found;
    } finally {
      await watch.close();
    }
  }
}
