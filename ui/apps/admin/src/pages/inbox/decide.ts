/**
 * A decision over a connection that may fail. Each has one key from the first click on, kept in this tab: it may be sent
 * again at any time and counts once. When no answer comes, the server is asked what it knows.
 */

import { ApiError, type AweClient, type Schemas } from "@awe/client";

export type Action = Schemas["DecisionIn"]["action"];
export const ACTIONS: readonly Action[] = ["approve", "reject", "abstain"];

export interface Deed {
  taskId: string;
  action: Action;
  comment: string | undefined;
}

/** `unknown`: no answer, and the server has no decision yet; sending it again is safe. */
export type Outcome = { is: "done"; action: string } | { is: "unknown"; error: Error };

const PREFIX = "awe.deed.";

/** The key of this deed: the same one while task, action and comment are the same. */
export function keyOf({ taskId, action, comment }: Deed, store: Storage = sessionStorage): string {
  const said = JSON.stringify([action, comment ?? null]);
  try {
    const kept = JSON.parse(store.getItem(PREFIX + taskId) ?? "null") as { said: string; key: string } | null;
    if (kept?.said === said) return kept.key;
  } catch {
    // Not ours: a new key it is.
  }
  const key = newKey();
  store.setItem(PREFIX + taskId, JSON.stringify({ said, key }));
  return key;
}

export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Rejects with what the server refused; resolves when the decision is known to be recorded, or nothing is known. */
export async function decide(api: AweClient, deed: Deed): Promise<Outcome> {
  const body = { action: deed.action, ...(deed.comment ? { comment: deed.comment } : {}) };
  const path = { task_id: deed.taskId };
  try {
    const told = await api.call("decide_task", { path, body, idempotencyKey: keyOf(deed) }, { timeoutMs: 8_000 });
    sessionStorage.removeItem(PREFIX + deed.taskId);
    return { is: "done", action: told.action };
  } catch (error) {
    if (error instanceof ApiError && error.retry !== "with_key") throw error;
    return asked(api, deed, error as Error);
  }
}

async function asked(api: AweClient, deed: Deed, error: Error): Promise<Outcome> {
  try {
    const task = await api.call("get_task", { path: { task_id: deed.taskId } }, { timeoutMs: 8_000 });
    if (!task.decision_action) return { is: "unknown", error };
    sessionStorage.removeItem(PREFIX + deed.taskId);
    return { is: "done", action: task.decision_action };
  } catch {
    return { is: "unknown", error };
  }
}
