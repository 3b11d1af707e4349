/** What can go wrong with a call, by what a caller does about it. */

import type { components } from "./generated/openapi.js";
import { RETRY } from "./generated/words.js";

/**
 * `yes`: nothing was done, and the same call may be sent again. `with_key`: it is not known what was done (a create may
 * be sent again with its key; a decision, claim or cancellation is done once at most). `no`: it will fail again.
 */
export type Retry = "yes" | "with_key" | "no";

/** One stable word for one error, or one that this version does not know. */
export type Reason = components["schemas"]["Reason"] | (string & {});

/** What is wrong with one value of a body or query. */
export type ValidationDetail = components["schemas"]["ValidationDetail"];

/** A call failed. */
export class AweError extends Error {
  /** Whether the same call may be sent again. */
  readonly retry: Retry;
  /** The key that a create was sent with: send it again to learn what became of it. */
  idempotencyKey: string | undefined;

  constructor(message: string, retry: Retry, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.retry = retry;
  }

  get isRetryable(): boolean {
    return this.retry !== "no";
  }
}

/** No answer came: the connection failed or broke, so it is not known whether the request arrived. */
export class TransportError extends AweError {
  /** False when it is certain that nothing was sent. */
  readonly sent: boolean;

  constructor(message: string, sent: boolean, options?: ErrorOptions) {
    super(message, sent ? "with_key" : "yes", options);
    this.sent = sent;
  }
}

/** No answer came in time. */
export class RequestTimeout extends TransportError {}

/** The answer is not AWE's: a proxy's page or a redirect. What was done is not known. */
export class UnexpectedAnswer extends AweError {
  readonly status: number;

  constructor(message: string, status: number) {
    super(message, "with_key");
    this.status = status;
  }
}

/** A request was not finished in the time that a caller would wait. `status` is the last one seen. */
export class WaitTimeout extends AweError {
  readonly requestId: string;
  readonly status: string;

  constructor(requestId: string, status: string, milliseconds: number, options?: ErrorOptions) {
    super(`request ${requestId} is still ${status} after ${milliseconds} ms`, "no", options);
    this.requestId = requestId;
    this.status = status;
  }
}

/** No access token could be had. */
export class TokenError extends AweError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, "no", options);
  }
}

/** What an error answer says. `retryAfterMs`: undefined when it says none. */
export interface Refusal {
  status: number;
  code: string;
  reason: Reason;
  message: string;
  detail: ValidationDetail[];
  requestId: string | undefined;
  retryAfterMs: number | undefined;
}

/** AWE refused the call. docs/errors.md lists every reason. */
export class ApiError extends AweError implements Refusal {
  readonly status: number;
  /** `AWE-003` and its like; covers several reasons. Empty when the answer is not AWE's. */
  readonly code: string;
  readonly reason: Reason;
  /** With 422: what is wrong with which value. */
  readonly detail: ValidationDetail[];
  /** `x-request-id` of the answer: the server's log has more under it. */
  readonly requestId: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(refusal: Refusal) {
    const { status, code, reason, message } = refusal;
    const unknown = status === 429 ? "yes" : status >= 500 ? "with_key" : "no";
    super(
      `${status} ${code} ${reason}: ${message}`,
      Object.hasOwn(RETRY, reason) ? (RETRY[reason] ?? unknown) : unknown,
    );
    this.status = status;
    this.code = code;
    this.reason = reason;
    this.detail = refusal.detail;
    this.requestId = refusal.requestId;
    this.retryAfterMs = refusal.retryAfterMs;
  }
}

/** 400, 405, 413, 415, 422: the call itself is wrong. */
export class InvalidRequest extends ApiError {}
/** 401: the token is missing, expired or not trusted. */
export class AuthenticationError extends ApiError {}
/** 403: the token's subject may not do this, or the policy gate denied it. */
export class PermissionDenied extends ApiError {}
/** 404: no such thing. */
export class NotFound extends ApiError {}
/** 409: the state of things does not allow it, for example because somebody else has decided. */
export class Conflict extends ApiError {}
/** 412: the version is not the one that `If-Match` names, since somebody else has changed it. Read it again. */
export class PreconditionFailed extends ApiError {}
/** 408, 429, 502, 503, 504: not now. */
export class Unavailable extends ApiError {}
/** Any other 5xx: a fault of the server. */
export class InternalError extends ApiError {}

const CLASSES: Readonly<Record<number, new (refusal: Refusal) => ApiError>> = {
  401: AuthenticationError,
  403: PermissionDenied,
  404: NotFound,
  409: Conflict,
  412: PreconditionFailed,
  408: Unavailable,
  429: Unavailable,
  502: Unavailable,
  503: Unavailable,
  504: Unavailable,
};

/** The error that an answer tells. `text` is its body. */
export function fromAnswer(status: number, text: string, headers: Headers): ApiError {
  const refusal: Refusal = {
    status,
    code: "",
    reason: "",
    message: "the answer is not AWE's; a proxy may have given it",
    detail: [],
    requestId: headers.get("x-request-id") ?? undefined,
    retryAfterMs: millisecondsOf(headers.get("retry-after")),
  };
  try {
    const envelope = JSON.parse(text);
    const first = envelope.errors[0];
    refusal.message = String(first.message);
    refusal.code = String(first.errorCode);
    refusal.reason = String(first.reason ?? "");
    if (Array.isArray(envelope.detail)) refusal.detail = envelope.detail;
  } catch {
    // Not AWE's envelope: what is known is the status.
  }
  const made = CLASSES[status] ?? (status >= 500 ? InternalError : InvalidRequest);
  return new made(refusal);
}

/** Milliseconds that a `Retry-After` asks for, a number of seconds or a date; undefined when it cannot be read. */
export function millisecondsOf(retryAfter: string | null, now = Date.now()): number | undefined {
  const text = retryAfter?.trim();
  if (!text) return undefined;
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const at = /[a-z]/i.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
