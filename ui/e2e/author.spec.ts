/** Somebody who writes policies. */

import { ADMIN, api, as, expect, expectAccessible, test, unique } from "./support.ts";

test("writes a policy, sees who would be asked, brings it into force and goes back", async ({ page }) => {
  const key = unique("written");
  await as(page, ADMIN);
  await page.goto("/policies/new");
  await page.getByLabel("Name", { exact: false }).first().fill("Grants");
  await page.getByLabel("Key").fill(key);
  await page.getByLabel("Kind of thing").fill("grant");
  await page.getByRole("button", { name: "Add a stage" }).click();
  await page.getByLabel("Name of the stage").fill("District office");
  // The directory fills the field.
  await page.getByLabel("Whom").selectOption("user");
  const person = page.getByRole("combobox", { name: "Person" });
  await person.fill("amina");
  await page.getByRole("option", { name: /Amina Okafor/ }).click();
  await expect(person).toHaveValue("amina");
  // Advice is in words: with one person, who asks themselves is left without anybody.
  await expect(page.getByText("nobody is left to approve").first()).toBeVisible();
  await page.getByRole("button", { name: "The policy itself" }).click();
  await page.getByRole("checkbox", { name: "Nobody approves their own request" }).uncheck();
  await expect(page.getByText("Nothing is wrong.")).toBeVisible();
  await page.getByRole("button", { name: "District office" }).click();
  // What is wrong is said at the field and in words.
  await page.getByLabel("Complete when").selectOption("percentage");
  await page.getByLabel("Per cent").fill("");
  await expect(page.getByText("Fault").first()).toBeVisible();
  await page.getByLabel("Per cent").fill("100");
  await expect(page.getByText("Nothing is wrong.")).toBeVisible();
  await expectAccessible(page, "designer");
  await page.screenshot({ path: "../.dev/ui/designer.png", fullPage: true });
  // Nothing typed is lost.
  await page.reload();
  await expect(page.getByText("what you wrote before and did not save")).toBeVisible();
  await expect(page.getByLabel("Name of the stage")).toHaveValue("District office");
  await page.getByRole("button", { name: "Save as draft" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Grants");

  await page.getByRole("tab", { name: "Simulate" }).click();
  await page.getByRole("button", { name: "Simulate" }).click();
  await expect(page.getByText("Simulated; nothing was written")).toBeVisible();
  await expect(page.locator(".kit-seats").getByText("Amina Okafor")).toBeVisible();
  await page.getByLabel("Name of the sample").fill("Usual case");
  await page.getByRole("button", { name: "Keep as sample" }).click();
  await page.reload();
  await expect(page.getByLabel("Samples kept in this browser")).toContainText("Usual case");

  await page.getByRole("button", { name: "Activate" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText(`new requests of ${key} follow version 1`);
  await dialog.getByRole("button", { name: "Activate version 1" }).click();
  await expect(page.getByRole("button", { name: "Deactivate" })).toBeVisible();

  await page.getByRole("link", { name: "New version from 1" }).click();
  await page.getByRole("button", { name: "District office" }).click();
  await page.getByLabel("Complete when").selectOption("all");
  await page.getByLabel("Must say why").selectOption("always");
  await page.getByRole("button", { name: "Save as new version" }).click();
  await page.getByRole("tab", { name: "Compare" }).click();
  await expect(page.getByText("What changes from version 1 to 2")).toBeVisible();
  await expect(page.getByRole("listitem").filter({ hasText: "District office" }).first()).toBeVisible();
  await page.getByRole("button", { name: "Activate" }).click();
  await expect(dialog).toContainText("follow version 2 instead of 1");
  await dialog.getByRole("button", { name: "Activate version 2" }).click();
  await expect(page.getByRole("button", { name: "Deactivate" })).toBeVisible();
  await page.getByLabel("Version", { exact: true }).selectOption("1");
  await page.getByRole("button", { name: "Activate again" }).click();
  await dialog.getByRole("button", { name: "Activate version 1" }).click();
  await expect(page.getByText("1 · Active")).toBeAttached();
});

test("two authors: both texts are shown, none is lost", async ({ page }) => {
  const key = unique("shared");
  const body = {
    policy_key: key,
    name: "Shared",
    artifact_type: "grant",
    stages: [
      { name: "One", stage_order: 1, mode: "all", rules: [{ rule_type: "user", rule_value: { user_id: "amina" } }] },
    ],
  };
  await api().call("create_policy", { body });
  await as(page, ADMIN);
  await page.goto(`/policies/${key}/edit/1`);
  await page.getByLabel("Description").fill("Mine");
  await api().call("update_policy_version", {
    path: { policy_key: key, version: 1 },
    body: { ...body, description: "Theirs" },
  });
  await page.getByRole("button", { name: "Save draft" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText("Theirs");
  await expect(dialog).toContainText("Mine");
  await dialog.getByRole("button", { name: "Save mine over theirs" }).click();
  await expect(page).toHaveURL(new RegExp(`/policies/${key}`));
  await expect(page.getByRole("tab", { name: "Picture" })).toBeVisible();
  const stored = await api().call("get_policy_version", { path: { policy_key: key, version: 1 } });
  expect(stored.description).toBe("Mine");
});

// Where the browser itself edits text it may want a style that the policy of the page forbids.
test.use({ allowed: [/Applying inline style/] });

test("the document and the forms are one", async ({ page }) => {
  await as(page, ADMIN);
  await page.goto("/policies/new?view=document");
  const editor = page.getByRole("textbox", { name: "Document" });
  await editor.click();
  await page.keyboard.press("Control+a");
  await page.keyboard.type(
    "policy_key: by-hand\nname: By hand\nartifact_type: grant\nstages:\n- name: One\nstage_order: 1\nmode: al\nrules: []\n",
  );
  await expect(page.locator(".cm-lintRange, .cm-lintPoint, .cm-lint-marker").first()).toBeVisible();
  await expectAccessible(page, "document");
  await page.keyboard.press("Control+a");
  await page.keyboard.insertText(
    '{"policy_key": "by-hand", "name": "By hand", "artifact_type": "grant", "stages": [{"name": "One", "stage_order": 1, "mode": "all", "skip_if": {"<": [{"var": "amount"}, 100]}, "rules": [{"rule_type": "expression", "rule_value": {"logic": {"map": [{"var": "people"}, {"var": "id"}]}}}]}]}',
  );
  await page.getByRole("tab", { name: "Forms" }).click();
  await page.getByRole("button", { name: "One" }).click();
  await expect(page.getByText("amount < 100").first()).toBeVisible();
  await expect(page.getByLabel("Value")).toHaveValue("100");
  await page.getByLabel("Value").fill("250");
  // What a form cannot hold is shown as it is written.
  await expect(page.getByText("This expression says more than a form can hold")).toBeVisible();
  await page.getByRole("tab", { name: "Document" }).click();
  await expect(page.locator(".cm-content")).toContainText("250");
});

test("the document offers what fits the place, by keyboard", async ({ page }) => {
  await as(page, ADMIN);
  await page.goto("/policies/new?view=document");
  await page.getByRole("textbox", { name: "Document" }).click();
  await page.keyboard.press("Control+a");
  await page.keyboard.insertText("policy_key: a\nstages:\n  - name: One\n    ");
  await page.keyboard.type("mod");
  const offered = page.getByRole("listbox");
  await expect(offered.getByRole("option")).toHaveText([/^mode/, /^mode_value/, /^reject_mode/]);
  // The editor takes no key for a list that has only just opened: it was meant for the text (75 ms).
  await page.waitForTimeout(150);
  await page.keyboard.press("Enter");
  await page.keyboard.press("Control+Space");
  await expect(offered.getByRole("option")).toHaveText(["all", "any-n", "percentage", "quorum"]);
  await expectAccessible(page, "document-offers");
  await page.waitForTimeout(150);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(page.locator(".cm-content")).toContainText("mode: any-n");
});
