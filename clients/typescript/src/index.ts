/** Client of AWE, the Approval Workflow Engine. */

export { ClientCredentials, type ClientCredentialsOptions, type Token } from "./auth.js";
export {
  AweClient,
  type Created,
  type CursorId,
  type Page,
  type RequestFilters,
  type Schemas,
  type TaskFilters,
} from "./client.js";
export {
  ApiError,
  AuthenticationError,
  AweError,
  Conflict,
  InternalError,
  InvalidRequest,
  NotFound,
  PermissionDenied,
  PreconditionFailed,
  type Reason,
  RequestTimeout,
  type Retry,
  TokenError,
  TransportError,
  Unavailable,
  UnexpectedAnswer,
  type ValidationDetail,
  WaitTimeout,
} from "./errors.js";
export type { components, operations, paths } from "./generated/openapi.js";
export {
  type Answer,
  type CallOptions,
  type ClientOptions,
  type Input,
  type OperationId,
  type Output,
  RETRY_POLICY,
  type RetryPolicy,
} from "./transport.js";
export { polling, type Watch, type Watcher } from "./waiting.js";
export * from "./webhooks/index.js";
