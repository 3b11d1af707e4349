/** The element as a page meets it: what it draws, what it asks, and that texts never become markup. */

import type { Approval, AweApproval } from "@awe/client/approval";
import "@awe/client/approval";
import { afterEach, expect, test, vi } from "vitest";

const APPROVAL = {
  request: { id: "r", status: "in_review" },
  progress: {
    stages: [
      {
        name: "<img src=x> officers",
        state: "active",
        approvals: 0,
        needed: 1,
        seats: 1,
        tasks: [{ task_id: "1", assignee: "officer-1", kind: "approver", required: false, status: "open", rules: [] }],
      },
    ],
  },
  events: [],
} as unknown as Approval;

function show(answer: () => Response, attributes: Record<string, string> = {}) {
  const asked = vi.fn(async (_url: unknown, _init?: RequestInit) => answer());
  const element = document.createElement("awe-approval") as AweApproval;
  element.fetch = asked as unknown as typeof fetch;
  const all = { "base-url": "/api/things", "request-id": "7", ...attributes };
  for (const [name, value] of Object.entries(all)) element.setAttribute(name, value);
  document.body.append(element);
  return { element, asked, inside: element.shadowRoot as ShadowRoot };
}

afterEach(() => document.body.replaceChildren());

test("draws the stages, names people and takes texts as texts", async () => {
  const { element, asked, inside } = show(() => Response.json(APPROVAL));
  await vi.waitFor(() => expect(inside.querySelectorAll("ol.stages > li")).toHaveLength(1));
  expect(asked.mock.calls[0]?.[0]).toBe("/api/things/7/approval");
  expect(inside.querySelector("img")).toBeNull();
  expect(inside.querySelector(".name[dir]")?.textContent).toBe("<img src=x> officers");
  expect(inside.querySelector("[aria-current=step]")?.textContent).toContain("officer-1");
  element.nameOf = (subject) => (subject === "officer-1" ? "Olu Officer" : undefined);
  expect(inside.querySelector("[aria-current=step]")?.textContent).toContain("Olu Officer");
});

test("speaks the language of the page, or the one it is told", async () => {
  const { element, inside } = show(() => new Response("", { status: 404 }), { locale: "ar" });
  await vi.waitFor(() => expect(inside.textContent).toContain("لا توجد موافقة"));
  expect(inside.querySelector("section")?.getAttribute("dir")).toBe("rtl");
  element.setAttribute("locale", "fr");
  expect(inside.textContent).toContain("Il n’y a pas d’approbation");
});

test("tells the status, and asks with the token at the place of its template", async () => {
  const told: string[] = [];
  document.body.addEventListener("awe-approval-status", (event) =>
    told.push((event as CustomEvent<{ status: string }>).detail.status),
  );
  const { element, asked } = show(() => Response.json(APPROVAL), { path: "?of={request-id}" });
  await vi.waitFor(() => expect(told).toEqual(["in_review"]));
  expect(asked.mock.calls[0]?.[0]).toBe("/api/things?of=7");
  element.token = async () => "secret";
  await vi.waitFor(() => expect(asked.mock.calls.length).toBeGreaterThan(1));
  const headers = new Headers(asked.mock.calls.at(-1)?.[1]?.headers);
  expect(headers.get("authorization")).toBe("Bearer secret");
});
