/** Somebody who is asked: sees what it is about, decides, goes on; also by keyboard, on a phone, over a bad line. */

import {
  api,
  as,
  expect,
  expectAccessible,
  expectNoSidewaysScroll,
  policy,
  request,
  somebody,
  test,
} from "./support.ts";

test("decides with the facts at hand and goes on to the next", async ({ page }, { project }) => {
  const me = somebody();
  const key = await policy([me]);
  for (const title of ["One of two", "Two of two"]) await request(key, { title });
  await as(page, me);
  await page.goto("/inbox");
  await expect(page.getByText("2 tasks wait for you")).toBeVisible();
  await page.getByRole("link", { name: "One of two" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("One of two");
  await expect(page.getByText("2,500")).toBeVisible();
  await expect(page.getByRole("link", { name: "Look at it where it is kept" })).toBeVisible();
  await expect(page.getByText("Nobody has decided yet.")).toBeVisible();
  await expectNoSidewaysScroll(page);
  await expectAccessible(page, "task");
  await page.screenshot({ path: `../.dev/ui/task-${project.name}.png`, fullPage: true });
  await page.getByLabel("Comment").fill("Papers are complete.");
  await page.getByRole("button", { name: "Approve" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Two of two");
  await expect(page.getByRole("status").filter({ hasText: "Approved: One of two" })).toBeVisible();
  await page.getByRole("button", { name: "Reject" }).click();
  await expect(page).toHaveURL(/\/inbox$/);
  await expect(page.getByText("Nothing waits for you").first()).toBeVisible();
});

test("is told at the field when a comment is needed, and loses nothing", async ({ page }) => {
  const me = somebody();
  const key = await policy([me], { comment_required: "always" });
  await request(key, { title: "Needs words" });
  await as(page, me);
  await page.goto("/inbox");
  await page.getByRole("link", { name: "Needs words" }).click();
  await page.getByRole("button", { name: "Approve" }).click();
  const field = page.getByLabel("Comment");
  await expect(field).toBeFocused();
  await expect(field).toHaveAttribute("aria-invalid", "true");
  await field.fill("Because it is right");
  await page.reload();
  await expect(field).toHaveValue("Because it is right");
  await page.getByRole("button", { name: "Approve" }).click();
  await expect(page.getByText("Nothing waits for you").first()).toBeVisible();
});

test("a lost answer is resolved by asking, and counts once", async ({ page }) => {
  const me = somebody();
  const key = await policy([me]);
  const { request_id } = await request(key, { title: "Over a bad line" });
  await as(page, me);
  await page.goto("/inbox");
  await page.getByRole("link", { name: "Over a bad line" }).click();
  // The server hears each attempt; the browser never hears the server.
  await page.route("**/decision", async (route) => {
    await route.fetch();
    await route.abort("connectionreset");
  });
  await page.getByRole("button", { name: "Approve" }).click();
  await expect(page.getByText("Nothing waits for you").first()).toBeVisible({ timeout: 30_000 });
  const { items } = await api().call("list_tasks", { query: { request_id, assignee: "*" } });
  expect(items.map((task) => task.decision_action)).toEqual(["approve"]);
});

test("a line that is down keeps the words and offers to send again", async ({ page }) => {
  const me = somebody();
  const key = await policy([me]);
  await request(key, { title: "Under ground" });
  await as(page, me);
  await page.goto("/inbox");
  await page.getByRole("link", { name: "Under ground" }).click();
  await page.getByLabel("Comment").fill("Seen in the field");
  await page.route("**/v1/awe/tasks**", (route) => route.abort("internetdisconnected"));
  await page.getByRole("button", { name: "Approve" }).click();
  const again = page.getByRole("button", { name: "Send again" });
  await expect(again).toBeVisible({ timeout: 40_000 });
  await expect(page.getByLabel("Comment")).toHaveValue("Seen in the field");
  await page.unroute("**/v1/awe/tasks**");
  await again.click();
  await expect(page.getByText("Nothing waits for you").first()).toBeVisible();
});

test("decides many at once and sees what became of each", async ({ page }) => {
  const [me, other] = [somebody(), somebody()];
  const key = await policy([me, other]);
  const first = await request(key, { title: "Taken by somebody else" });
  for (const title of ["Bulk one", "Bulk two"]) await request(key, { title });
  await as(page, me);
  await page.goto("/inbox");
  await page.getByRole("checkbox", { name: /Select the 3 rows/ }).check();
  await page.getByRole("button", { name: "Decide 3 tasks" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByText("Bulk one")).toBeVisible();
  await expectAccessible(page, "bulk dialog");
  const { items } = await api(other).call("list_tasks", { query: { request_id: first.request_id } });
  await api(other).decide(items[0]?.id ?? "", { action: "reject" });
  await dialog.getByRole("button", { name: "Approved: 3 tasks" }).click();
  await expect(dialog.getByText("2 recorded, 1 refused")).toBeVisible();
  await dialog.getByRole("button", { name: "Done" }).click();
  await expect(page.getByText("Nothing waits for you").first()).toBeVisible();
});

test("works without a mouse", async ({ page, isMobile }) => {
  test.skip(isMobile, "phones have no keys");
  const me = somebody();
  const key = await policy([me]);
  await request(key, { title: "By keys, second" });
  await request(key, { title: "By keys, first" });
  await as(page, me);
  await page.goto("/inbox");
  const rows = page.locator("[data-row-link]");
  await expect(rows).toHaveCount(2);
  const first = (await rows.first().textContent()) ?? "";
  await page.keyboard.press("ArrowDown");
  await expect(rows.first()).toBeFocused();
  await page.keyboard.press("j");
  await expect(rows.last()).toBeFocused();
  await page.keyboard.press("x");
  await expect(page.getByText("1 task selected")).toBeVisible();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1 })).toBeFocused();
  await expect(page.getByRole("button", { name: "Approve" })).toBeVisible();
  await page.keyboard.press("Alt+a");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(first);
  await page.keyboard.press("Control+k");
  await expect(page.getByRole("combobox", { name: "Page, id or words" })).toBeFocused();
  await page.keyboard.type("deleg");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/delegations/);
});

test("new tasks are offered, and rows stay where they are", async ({ page }) => {
  const me = somebody();
  const key = await policy([me]);
  await request(key, { title: "Here before" });
  await as(page, me);
  await page.goto("/inbox");
  const row = page.getByRole("link", { name: "Here before" });
  await expect(row).toBeVisible();
  await expect(page.locator(".kit-live")).toHaveAttribute("data-state", "live");
  const before = await row.boundingBox();
  await request(key, { title: "Came later" });
  const news = page.getByRole("button", { name: /new: show/ });
  await expect(news).toBeVisible();
  expect(await row.boundingBox()).toEqual(before);
  await expect(page.getByRole("link", { name: "Came later" })).toHaveCount(0);
  await news.click();
  await expect(page.getByRole("link", { name: "Came later" })).toBeVisible();
});
