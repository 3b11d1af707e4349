/** Makes the pictures of docs/ anew: `./dev gen screens`. Each shows what its page tells about. */

import type { Schemas } from "@awe/client";
import type { Page } from "@playwright/test";
import { ADMIN, api, as, expect, test, type User, VIEWER } from "./support.ts";

const FOLDER = "../docs/images";
const AMINA: User = { subject: "amina", name: "Amina Okafor", roles: [] };
const BADRU: User = { subject: "badru", name: "Badru Mwangi", roles: [] };

const STAGES: Schemas["StageIn"][] = [
  {
    name: "Two officers",
    stage_order: 1,
    mode: "any-n",
    mode_value: 2,
    comment_required: "reject",
    sla_hours: 48,
    on_breach: "escalate",
    escalation_rules: [{ rule_type: "user", rule_value: { user_id: "director" } }],
    rules: [{ rule_type: "role", rule_value: { role: "disbursement-officer" } }],
  },
  {
    name: "Finance",
    stage_order: 2,
    mode: "all",
    parallel_group: 1,
    rules: [{ rule_type: "group", rule_value: { group: "/finance/controllers" } }],
  },
  {
    name: "Head of disbursement",
    stage_order: 3,
    mode: "any-n",
    mode_value: 1,
    parallel_group: 1,
    skip_if: { "<": [{ var: "amount" }, 1000] },
    rules: [
      { rule_type: "role", rule_value: { role: "head-of-disbursement" } },
      { rule_type: "user", rule_value: { user_id: "auditor" }, kind: "observer" },
    ],
  },
];

async function story(): Promise<{ key: string; first: string }> {
  const key = "payments";
  const body = {
    policy_key: key,
    name: "Payments",
    artifact_type: "payment",
    description: "Payments to households: two officers, then finance and the head of disbursement together.",
    context_schema: {
      type: "object",
      required: ["amount"],
      properties: { amount: { type: "number" }, district: { type: "string" } },
    },
    stages: STAGES,
  };
  await api().call("create_policy", { body });
  await api().call("activate_policy_version", { path: { policy_key: key, version: 1 } });
  const [officers, ...rest] = STAGES;
  await api().call("add_policy_version", {
    path: { policy_key: key },
    body: { ...body, stages: [{ ...(officers as Schemas["StageIn"]), mode_value: 1 }, ...rest] },
  });
  const titles = [
    "New bank account for the Okafor household",
    "Emergency grant for 14 families in Kitui",
    "School fees, second term",
    "Monthly transfer, Lodwar",
  ];
  const ids: string[] = [];
  for (const [at, title] of titles.entries()) {
    const made = await api().create({
      policy_key: key,
      artifact_type: "payment",
      artifact_id: `CR-2026-00${at + 41}`,
      title,
      summary: "The account that payments go to changes from 0012 to 0047, since the branch of before has closed.",
      artifact_url: "https://registry.example.org/changes/41",
      requester: "chidi",
      context: {
        amount: 2500 + at * 400,
        district: "Kitui",
        household: { head: "Grace Okafor", members: 5, verified: true },
      },
      callback_url: "http://127.0.0.1:9/hooks/approval",
    });
    ids.push(made.request_id);
  }
  await expect
    .poll(async () => (await api(BADRU).call("list_tasks", { query: { request_id: ids[0] } })).items.length)
    .toBeGreaterThan(0);
  const { items } = await api(BADRU).call("list_tasks", { query: { request_id: ids[0] } });
  await api(BADRU).decide(items[0]?.id ?? "", { action: "approve", comment: "I have seen the bank's letter." });
  return { key, first: ids[0] ?? "" };
}

async function shot(page: Page, name: string, path: string, height = 800): Promise<void> {
  await page.setViewportSize({ width: 1280, height });
  await page.goto(path);
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await expect(page.locator(".mantine-Skeleton-root")).toHaveCount(0);
  await expect(page.locator("[aria-busy=true]")).toHaveCount(0);
  await page.screenshot({ path: `${FOLDER}/${name}.png` });
}

test("the pictures of docs/", async ({ browser }) => {
  test.setTimeout(180_000);
  const { key, first } = await story();
  const open = async (user: User) => {
    const page = await (await browser.newContext()).newPage();
    await as(page, user);
    return page;
  };
  const approver = await open(AMINA);
  await shot(approver, "ui-inbox", "/inbox");
  const { items } = await api(AMINA).call("list_tasks", { query: { request_id: first } });
  await shot(approver, "ui-task", `/inbox/${first}/${items[0]?.id}`, 900);
  const author = await open(ADMIN);
  await shot(author, "ui-designer", `/policies/${key}/edit/2?stage=0`, 1000);
  await shot(author, "ui-compare", `/policies/${key}?tab=compare&version=2`);
  const operator = await open(ADMIN);
  await shot(operator, "ui-home", "/", 900);
  await shot(operator, "ui-request", `/requests/${first}`, 1000);
  await shot(operator, "ui-deliveries", "/deliveries");
  const viewer = await open(VIEWER);
  await shot(viewer, "ui-audit", "/audit");
});
