/** Somebody who keeps it running. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { ADMIN, api, as, expect, expectAccessible, policy, request, somebody, test, unique } from "./support.ts";

test("numbers lead to lists, lists to requests, and filters stay in the URL", async ({ page }) => {
  const key = await policy([somebody()]);
  const { request_id } = await request(key, { title: unique("Findable") });
  const { artifact_id } = await api().get(request_id);
  await as(page, ADMIN);
  await page.goto("/");
  await page.getByRole("link", { name: /Requests in review/ }).click();
  await expect(page).toHaveURL(/status=in_review/);
  await page.getByLabel("Search", { exact: true }).fill(artifact_id);
  await expect(page).toHaveURL(new RegExp(artifact_id));
  await expect(page.getByText("1 row shown")).toBeVisible();
  await page.getByRole("link", { name: /Findable/ }).click();
  await expect(page.getByRole("heading", { level: 1 })).toContainText("Findable");
  await page.goBack();
  await expect(page.getByLabel("Search", { exact: true })).toHaveValue(artifact_id);
  await page.reload();
  await expect(page.getByText("1 row shown")).toBeVisible();
});

test("sees why it waits, gives the task to somebody else, cancels", async ({ page }) => {
  const [first, second] = [somebody(), somebody()];
  const key = await policy([first]);
  const { request_id } = await request(key, { title: "It waits" });
  await as(page, ADMIN);
  await page.goto(`/requests/${request_id}`);
  const why = page.getByRole("region", { name: "Why is it waiting?" });
  await expect(why).toContainText("needs 1 more approval");
  await expect(why).toContainText("any administrator");
  await expectAccessible(page, "request");
  await page.screenshot({ path: "../.dev/ui/request.png", fullPage: true });
  await page.getByRole("button", { name: "Reassign" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("combobox", { name: "Who is asked instead" }).fill(second.subject);
  await dialog.getByLabel("Why?").fill("Away this week");
  await dialog.getByRole("button", { name: "Reassign" }).click();
  await expect(dialog).toBeHidden();
  await expect(why).toContainText(second.subject);
  await expect(page.getByText("Given to somebody else").first()).toBeVisible();
  await page.getByRole("button", { name: "Cancel request" }).click();
  await expect(dialog).toContainText("stops for good");
  await dialog.getByLabel("Why is it cancelled?").fill("Entered twice");
  await dialog.getByRole("button", { name: "Cancel request" }).click();
  await expect(page.getByText("Request cancelled").first()).toBeVisible();
  await expect(page.getByRole("button", { name: "Cancel request" })).toHaveCount(0);
});

test("follows a request while others decide", async ({ page }) => {
  const me = somebody();
  const key = await policy([me]);
  const { request_id } = await request(key);
  await as(page, ADMIN);
  await page.goto(`/requests/${request_id}`);
  await expect(page.locator(".kit-live")).toHaveAttribute("data-state", "live");
  const { items } = await api(me).call("list_tasks", { query: { request_id } });
  await api(me).decide(items[0]?.id ?? "", { action: "approve", comment: "Seen" });
  await expect(page.getByText("Request approved").first()).toBeVisible();
});

test("webhooks: attempts, one again, many again with the count said before", async ({ page }) => {
  let answer = 503;
  const receiver = createServer((_, response) => {
    response.writeHead(answer, { "content-type": "text/plain" });
    response.end(answer === 503 ? "upstream is down" : "fine");
  });
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hooks`;
  try {
    const key = await policy([somebody()]);
    const { request_id } = await request(key, { callback_url: url });
    await as(page, ADMIN);
    await page.goto(`/deliveries?request_id=${request_id}`);
    await page.getByRole("link", { name: "Request created" }).click();
    await expect(page).toHaveURL(/delivery=/);
    const drawer = page.getByRole("dialog");
    await expect(drawer.getByText("Attempt 1")).toBeVisible();
    await expect(drawer.getByText("upstream is down").first()).toBeVisible();
    await expectAccessible(page, "drawer");
    await page.screenshot({ path: "../.dev/ui/delivery.png" });
    answer = 204;
    await drawer.getByRole("button", { name: "Try again now" }).click();
    await expect(drawer.getByText("204")).toBeVisible({ timeout: 20_000 });
    await drawer.getByRole("button", { name: "Close" }).click();
    await page.getByRole("button", { name: "Try many again" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Only to this address").fill(`${url}/none`);
    await expect(dialog.getByText("None fits")).toBeVisible();
    await expect(dialog.getByRole("button", { name: /^Try 0/ })).toBeDisabled();
    await dialog.getByRole("button", { name: "Not now" }).click();
    await page.getByRole("tab", { name: "Endpoints" }).click();
    await expect(page.getByRole("link", { name: new URL(url).origin })).toBeVisible();
    await expectAccessible(page, "endpoints");
  } finally {
    receiver.close();
  }
});

test("a callback secret is shown once, rotated with an overlap, revoked", async ({ page }) => {
  const caller = unique("caller");
  await as(page, ADMIN);
  await page.goto("/secrets");
  await page.getByRole("button", { name: "Create secret" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Caller").fill(caller);
  await dialog.getByRole("button", { name: "Create secret" }).click();
  await expect(dialog.getByText("It is shown this once and never again.")).toBeVisible();
  await expect(dialog.locator("code")).not.toBeEmpty();
  await expectAccessible(page, "secret");
  await dialog.getByRole("button", { name: "I have kept it" }).click();
  const row = page.getByRole("row", { name: caller });
  await expect(row.getByText("Active")).toBeVisible();
  await row.getByRole("button", { name: "Rotate" }).click();
  await expect(dialog).toContainText("For 24 hours webhooks are signed with both");
  await dialog.getByRole("button", { name: "Rotate" }).click();
  await dialog.getByRole("button", { name: "I have kept it" }).click();
  await expect(row.getByText("Rotated")).toBeVisible();
  await page
    .getByRole("row", { name: caller })
    .filter({ hasText: "Active" })
    .getByRole("button", { name: "Revoke" })
    .click();
  await dialog.getByRole("button", { name: "Revoke" }).click();
  await expect(row.getByText("Revoked")).toBeVisible();
  await page.goto("/audit?resource_type=callback_secret");
  await page.getByRole("link", { name: new RegExp(`revoked.*${caller}`) }).click();
  await expect(page.getByRole("dialog")).toContainText("revoked");
});

test("somebody who is away is stood in for", async ({ page }) => {
  await as(page, ADMIN);
  await page.goto("/delegations");
  await page.getByRole("button", { name: "New delegation" }).click();
  const dialog = page.getByRole("dialog");
  const away = somebody().subject;
  await dialog.getByRole("combobox", { name: "Who is away" }).fill(away);
  await dialog.getByRole("combobox", { name: "Who sits instead" }).fill("badru");
  await dialog.getByLabel("Begins").fill("2030-01-01T08:00");
  await dialog.getByLabel("Ends").fill("2029-01-01T08:00");
  await expect(dialog.getByText("It has to end after it begins.")).toBeVisible();
  await dialog.getByLabel("Ends").fill("2030-02-01T08:00");
  await dialog.getByRole("button", { name: "Delegate" }).click();
  await expect(dialog).toBeHidden();
  const row = page.getByRole("row", { name: away });
  await expect(row.getByText("Badru Mwangi")).toBeVisible();
  await row.getByRole("button", { name: "End delegation" }).click();
  await dialog.getByRole("button", { name: "End delegation" }).click();
  await expect(row).toHaveCount(0);
});
