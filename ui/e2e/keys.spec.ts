/** Authors and operators without a mouse: every step by Tab, arrows, Space, Enter and letters. */

import type { Locator, Page } from "@playwright/test";
import { ADMIN, api, as, expect, policy, request, somebody, test, unique } from "./support.ts";

const MOST_TABS = 150;

/** Goes on by Tab until the control has the focus. */
async function reach(page: Page, what: Locator, key = "Tab"): Promise<void> {
  await expect(what).toBeVisible();
  for (let step = 0; step < MOST_TABS; step++) {
    if (await what.evaluate((one) => one === document.activeElement)) return;
    await page.keyboard.press(key);
  }
  throw new Error(`${what} cannot be reached by ${key}`);
}

async function press(page: Page, what: Locator): Promise<void> {
  await reach(page, what);
  await page.keyboard.press("Enter");
}

async function type(page: Page, what: Locator, words: string): Promise<void> {
  await reach(page, what);
  await page.keyboard.press("Control+a");
  await page.keyboard.type(words);
  await expect(what).toHaveValue(words);
}

/** Chooses in a native list by the first letters of an entry. */
async function choose(page: Page, what: Locator, letters: string, value: string): Promise<void> {
  await reach(page, what);
  await page.keyboard.type(letters);
  await expect(what).toHaveValue(value);
}

/** The first of January at eight, part by part: the year may have more digits, so its part is left by an arrow. */
async function moment(page: Page, what: Locator, year: string): Promise<void> {
  await reach(page, what);
  await page.keyboard.type(`0101${year}`);
  await page.keyboard.press("ArrowRight");
  await page.keyboard.type("0800A");
  await expect(what).toHaveValue(`${year}-01-01T08:00`);
}

test("a policy is written, simulated and activated without a mouse", async ({ page }) => {
  const key = unique("typed");
  await as(page, ADMIN);
  await page.goto("/policies");
  await press(page, page.getByRole("link", { name: "New policy" }).first());
  await expect(page).toHaveURL(/\/policies\/new/);
  await type(page, page.getByLabel("Name", { exact: false }).first(), "Grants");
  await type(page, page.getByLabel("Key"), key);
  await type(page, page.getByLabel("Kind of thing"), "grant");
  const self = page.getByRole("checkbox", { name: "Nobody approves their own request" });
  await reach(page, self);
  await page.keyboard.press("Space");
  await expect(self).not.toBeChecked();
  await press(page, page.getByRole("button", { name: "Add a stage" }));
  await type(page, page.getByLabel("Name of the stage"), "District office");
  await choose(page, page.getByLabel("Whom"), "person", "user");
  const person = page.getByRole("combobox", { name: "Person" });
  await reach(page, person);
  await page.keyboard.type("amina");
  await expect(page.getByRole("option", { name: /Amina Okafor/ })).toBeVisible();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(person).toHaveValue("amina");
  await expect(page.getByText("Nothing is wrong.")).toBeVisible();
  await press(page, page.getByRole("button", { name: "Save as draft" }));
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Grants");

  const simulate = page.getByRole("tab", { name: "Simulate" });
  await reach(page, page.getByRole("tab", { selected: true }));
  for (let step = 0; step < 8 && !(await simulate.evaluate((one) => one === document.activeElement)); step++)
    await page.keyboard.press("ArrowRight");
  await expect(simulate).toBeFocused();
  await page.keyboard.press("Enter");
  await press(page, page.getByRole("button", { name: "Simulate" }));
  await expect(page.getByText("Simulated; nothing was written")).toBeVisible();

  await reach(page, page.getByRole("button", { name: "Activate" }), "Shift+Tab");
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog");
  await press(page, dialog.getByRole("button", { name: "Activate version 1" }));
  await expect(page.getByRole("button", { name: "Deactivate" })).toBeVisible();
  const versions = await api().call("list_policy_versions", { path: { policy_key: key } });
  expect(versions.map(({ status }) => status)).toEqual(["active"]);
});

test("a request is found, given to somebody else and cancelled without a mouse", async ({ page }) => {
  const [first, second] = [somebody(), somebody()];
  const key = await policy([first]);
  const title = unique("Keyed");
  await request(key, { title });
  await as(page, ADMIN);
  await page.goto("/requests");
  await type(page, page.getByLabel("Search", { exact: true }), title);
  await expect(page.getByText("1 row shown")).toBeVisible();
  await press(page, page.getByRole("link", { name: title }));
  await expect(page.getByRole("heading", { level: 1 })).toContainText(title);
  await press(page, page.getByRole("button", { name: "Reassign" }));
  const dialog = page.getByRole("dialog");
  const instead = dialog.getByRole("combobox", { name: "Who is asked instead" });
  await reach(page, instead);
  await page.keyboard.type(second.subject);
  await type(page, dialog.getByLabel("Why?"), "Away this week");
  await press(page, dialog.getByRole("button", { name: "Reassign" }));
  await expect(dialog).toBeHidden();
  await expect(page.getByRole("region", { name: "Why is it waiting?" })).toContainText(second.subject);
  // A dialog that was left gives the focus back to what opened it.
  const cancel = page.getByRole("button", { name: "Cancel request" });
  await reach(page, cancel, "Shift+Tab");
  await page.keyboard.press("Enter");
  await expect(dialog).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await expect(cancel).toBeFocused();
  await page.keyboard.press("Enter");
  await type(page, dialog.getByLabel("Why is it cancelled?"), "Entered twice");
  await press(page, dialog.getByRole("button", { name: "Cancel request" }));
  await expect(page.getByText("Request cancelled").first()).toBeVisible();
});

test("a delegation is made and ended without a mouse", async ({ page }) => {
  const away = somebody().subject;
  await as(page, ADMIN);
  await page.goto("/delegations");
  await press(page, page.getByRole("button", { name: "New delegation" }));
  const dialog = page.getByRole("dialog");
  for (const [label, words] of [
    ["Who is away", away],
    ["Who sits instead", "badru"],
  ] as const) {
    await reach(page, dialog.getByRole("combobox", { name: label }));
    await page.keyboard.type(words);
  }
  await moment(page, dialog.getByLabel("Begins"), "2030");
  await moment(page, dialog.getByLabel("Ends"), "2031");
  await press(page, dialog.getByRole("button", { name: "Delegate" }));
  await expect(dialog).toBeHidden();
  const row = page.getByRole("row", { name: away });
  await press(page, row.getByRole("button", { name: "End delegation" }));
  await press(page, dialog.getByRole("button", { name: "End delegation" }));
  await expect(row).toHaveCount(0);
});
