import { AweClient } from "@awe/client";
import { http } from "msw";
import { setupServer } from "msw/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { unsignedToken } from "../../../kit/src/session/development.ts";
import { Backend } from "../mock/backend.ts";

const backend = new Backend();
const server = setupServer(http.all("http://mock.test/v1/awe/*", ({ request }) => backend.answer(request)));
const as = (subject: string, ...roles: string[]) =>
  new AweClient({
    baseUrl: "http://mock.test",
    token: unsignedToken({ subject, name: subject, roles }),
    retry: { attempts: 1 },
  });

beforeAll(() => server.listen({ onUnhandledRequest: "error" }));
afterAll(() => server.close());

describe("the stand-in for a server", () => {
  it("remembers what was decided", async () => {
    const amina = as("amina");
    const before = await amina.call("list_tasks", { query: { status: "actionable" } });
    const [task] = before.items;
    await amina.decide(task?.id ?? "", { action: "approve", comment: "fine" });
    await expect(amina.decide(task?.id ?? "", { action: "reject" })).rejects.toMatchObject({ reason: "task_decided" });
    expect((await amina.get(task?.request_id ?? "")).status).toBe("approved");
    const after = await amina.call("list_tasks", { query: { status: "actionable" } });
    expect(after.total).toBe(before.total - 1);
  });

  it("tells the outcome of each of many", async () => {
    const admin = as("admin", "AWE_ADMIN");
    const { items } = await admin.call("list_tasks", { query: { status: "actionable" } });
    const ids = items.slice(0, 2).map((task) => task.id);
    const { results } = await admin.call("decide_tasks", {
      body: { items: [...ids, "none"].map((task_id) => ({ task_id, action: "reject" as const })) },
    });
    expect(results.map(({ status }) => status)).toEqual([201, 201, 404]);
  });

  it("fails when it is asked to", async () => {
    await expect(as("admin").list({ search_text: "fail-503" })).rejects.toMatchObject({ status: 503 });
    await expect(as("admin").get("nothing")).rejects.toMatchObject({ status: 404 });
  });
});
