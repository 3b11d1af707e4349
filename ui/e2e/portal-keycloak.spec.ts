/** The Registry's portal with a real Keycloak: people sign in, and a change goes its way with their own tokens. */

import type { Browser, Page } from "@playwright/test";
import { expect, expectAccessible, test, unique } from "./support.ts";

const PORTAL = process.env.REGISTRY_UI_URL;
if (!PORTAL) throw new Error("REGISTRY_UI_URL is not set: run `./dev ui test`");

/** Opens the portal as somebody who has to sign in first, in a browser of their own. Each password is the name. */
async function enter(browser: Browser, name: string, path: string): Promise<Page> {
  const page = await (await browser.newContext({ baseURL: PORTAL })).newPage();
  await page.goto(path);
  await expect(page).toHaveURL(/code_challenge_method=S256/);
  await page.getByLabel("Username or email").fill(name);
  await page.getByRole("textbox", { name: "Password" }).fill(name);
  await page.getByRole("button", { name: "Sign In" }).click();
  await expect(page).toHaveURL(`${PORTAL}${path}`);
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  return page;
}

/** Calls the Registry with the token that the page has. */
async function call<Answer>(page: Page, path: string, body?: object): Promise<Answer> {
  const token = await page.evaluate(() => {
    const name = Object.keys(sessionStorage).find((one) => one.startsWith("oidc.user:")) ?? "";
    return JSON.parse(sessionStorage.getItem(name) ?? "{}").access_token as string;
  });
  const answer = await fetch(`${PORTAL}/v1/registry${path}`, {
    method: body ? "POST" : "GET",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return (await answer.json()) as Answer;
}

/** Approves what waits for this person, from the inbox. */
async function approve(browser: Browser, name: string, record: string): Promise<void> {
  const page = await enter(browser, name, "/my-approvals");
  // Whoever comes next is asked a moment after the last one has decided.
  const link = page.getByRole("link", { name: new RegExp(record) });
  await expect(async () => {
    await page.reload();
    await expect(link).toBeVisible({ timeout: 2_000 });
  }).toPass({ timeout: 20_000 });
  await link.click();
  await page.getByLabel("Comment").fill(`Seen by ${name}`);
  await page.getByRole("button", { name: "Approve" }).click();
  await expect(page.getByRole("status").filter({ hasText: "Approved:" })).toBeVisible();
  await page.context().close();
}

test("staff sign in, submit and approve a change, and see the record change", async ({ browser }) => {
  test.slow(); // Four people sign in, each in a browser of their own.
  const record = unique("F");
  const staff = await enter(browser, "staff-1", "/?register=farmer");
  await expect(staff.getByText("Development mode")).toHaveCount(0);
  await expectAccessible(staff, "signed in");
  interface Made {
    change_request_id: string;
  }
  const { change_request_id: id } = await call<Made>(staff, "/change-requests/create_change_request", {
    register_mnemonic: "farmer",
    section_id: "section-farmer-edit",
    edit_action: "create",
    record_id: record,
    change_payload: { name: "Grace Okafor", district: "north", amount: 1200 },
  });
  await staff.reload();
  await staff.getByRole("link", { name: new RegExp(record) }).click();
  await expect(staff.getByRole("region", { name: "Proposed change" })).toContainText("Grace Okafor");
  await expect(staff.getByRole("button", { name: "Approve" })).toHaveCount(0);
  const sidebar = staff.locator("awe-approval");
  await expect(sidebar.locator("[aria-current=step]")).toContainText("District officer");

  for (const name of ["officer-1", "director-1", "director-2"]) await approve(browser, name, record);

  await expect(staff.getByText("Approved, and the record has changed")).toBeVisible({ timeout: 30_000 });
  await expect(staff.getByRole("region", { name: "Live record" })).toContainText("Grace Okafor");
  await expect(sidebar.getByText("Seen by director-2").first()).toBeVisible();
  interface Detail {
    approval_status: string;
    approved_by: string;
  }
  const read = await call<Detail>(staff, `/change-requests/${id}`);
  expect(read).toMatchObject({ approval_status: "APPROVED", approved_by: "director-2" });

  await staff.getByRole("button", { name: /language, appearance, sign out/ }).click();
  await staff.getByRole("button", { name: "Sign out", exact: true }).click();
  await expect(staff.getByLabel("Username or email")).toBeVisible({ timeout: 20_000 });
});
