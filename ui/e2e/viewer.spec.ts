/** Somebody who looks and changes nothing. */

import { readFileSync } from "node:fs";
import { as, expect, expectAccessible, policy, request, somebody, test, VIEWER } from "./support.ts";

test("sees all, and finds no control that changes something", async ({ page }) => {
  const me = somebody();
  const key = await policy([me]);
  const { request_id } = await request(key);
  await as(page, VIEWER);
  await page.goto(`/requests/${request_id}`);
  await expect(page.getByRole("region", { name: "Why is it waiting?" })).toBeVisible();
  await expect(page.getByRole("region", { name: "Deliveries" })).toBeVisible();
  for (const name of ["Cancel request", "Reassign"]) await expect(page.getByRole("button", { name })).toHaveCount(0);
  await page.goto(`/policies/${key}`);
  await expect(page.getByRole("tab", { name: "Compare" })).toBeVisible();
  for (const name of ["Activate", "Deactivate"]) await expect(page.getByRole("button", { name })).toHaveCount(0);
  await expect(page.getByRole("link", { name: /New version/ })).toHaveCount(0);
  await page.goto("/deliveries");
  await expect(page.getByRole("tab", { name: "Endpoints" })).toBeVisible();
  await expect(page.getByRole("button", { name: /Try/ })).toHaveCount(0);
  await expect(page.getByRole("link", { name: "Callback secrets" })).toHaveCount(0);
  await page.goto("/policies/new");
  await expect(page.getByText("Only administrators write policies")).toBeVisible();
});

test("takes away what is on the screen, and prints the story of a request", async ({ page }) => {
  const key = await policy([somebody()]);
  const { request_id } = await request(key, { title: 'A title with "quotes", commas' });
  await as(page, VIEWER);
  await page.goto(`/requests?policy_key=${key}`);
  await expect(page.getByText("1 row shown")).toBeVisible();
  await page.getByRole("button", { name: "Export" }).click();
  const [csv] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "CSV: the row shown" }).click(),
  ]);
  const text = readFileSync((await csv.path()) ?? "", "utf8");
  expect(text).toContain(request_id);
  expect(text).toContain('"A title with ""quotes"", commas"');
  await page.goto(`/requests/${request_id}`);
  await expect(page.getByText("Request created").first()).toBeVisible();
  const [evidence] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Evidence" }).click(),
  ]);
  expect(JSON.parse(readFileSync((await evidence.path()) ?? "", "utf8"))).toHaveProperty("policy_text_sha256");
  await page.emulateMedia({ media: "print" });
  await expect(page.getByRole("navigation")).toBeHidden();
  await expect(page.getByRole("heading", { name: "What happened" })).toBeVisible();
  await page.screenshot({ path: "../.dev/ui/print.png", fullPage: true });
});

test("an approver without roles sees what concerns them, and no more", async ({ page }) => {
  const me = somebody();
  await as(page, me);
  await page.goto("/");
  await expect(page).toHaveURL(/\/inbox/);
  for (const name of ["Policies", "Deliveries", "Audit log", "System"]) {
    await expect(page.getByRole("link", { name })).toHaveCount(0);
  }
  await expectAccessible(page, "empty inbox");
});
