import { ApiError, type AweClient, TransportError } from "@awe/client";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { type Deed, decide, keyOf } from "../src/pages/inbox/decide.ts";

const DEED: Deed = { taskId: "t", action: "approve", comment: undefined };
const refusal = (status: number, reason: string) =>
  new ApiError({
    status,
    code: "AWE-007",
    reason,
    message: "",
    detail: [],
    requestId: undefined,
    retryAfterMs: undefined,
  });

function client(decision: () => Promise<unknown>, task: () => Promise<unknown>) {
  const call = vi.fn((id: string, _input: unknown) => (id === "decide_task" ? decision() : task()));
  return { call, api: { call } as unknown as AweClient };
}

beforeEach(() => sessionStorage.clear());

describe("a decision", () => {
  it("has one key until it is said otherwise", () => {
    const key = keyOf(DEED);
    expect(keyOf(DEED)).toBe(key);
    expect(keyOf({ ...DEED, comment: "why" })).not.toBe(key);
  });

  it("is done when the server says so", async () => {
    const { api } = client(
      async () => ({ action: "approve" }),
      async () => ({ id: "t" }),
    );
    expect(await decide(api, DEED)).toEqual({ is: "done", action: "approve" });
  });

  it("whose answer was lost is asked for", async () => {
    const { api } = client(
      async () => Promise.reject(new TransportError("no answer", true)),
      async () => ({ id: "t", decision_action: "approve" }),
    );
    expect(await decide(api, DEED)).toEqual({ is: "done", action: "approve" });
  });

  it("that nobody knows of is sent again with its key", async () => {
    const { api, call } = client(
      async () => Promise.reject(new TransportError("no answer", true)),
      async () => ({ id: "t", decision_action: null }),
    );
    expect((await decide(api, DEED)).is).toBe("unknown");
    await decide(api, DEED);
    const keys = call.mock.calls
      .filter(([id]) => id === "decide_task")
      .map(([, input]) => (input as { idempotencyKey: string }).idempotencyKey);
    expect(keys).toHaveLength(2);
    expect(keys[0]).toBe(keys[1]);
  });

  it("that is refused says why", async () => {
    const { api } = client(
      async () => Promise.reject(refusal(409, "task_decided")),
      async () => ({ id: "t" }),
    );
    await expect(decide(api, DEED)).rejects.toMatchObject({ reason: "task_decided" });
  });
});
