/** Signing in at a real Keycloak. */

import type { Page } from "@playwright/test";
import { expect, expectAccessible, test } from "./support.ts";

/** Of the realm of deploy/keycloak: each password is the name. */
async function signIn(page: Page, name: string): Promise<void> {
  await page.getByLabel("Username or email").fill(name);
  await page.getByRole("textbox", { name: "Password" }).fill(name);
  await page.getByRole("button", { name: "Sign In" }).click();
}

/** Makes the token of this tab one that has run out; `without` takes away what would renew it. */
async function expire(page: Page, without = false): Promise<void> {
  await page.evaluate((isGone) => {
    for (const name of Object.keys(sessionStorage).filter((one) => one.startsWith("oidc.user:"))) {
      const user = JSON.parse(sessionStorage.getItem(name) ?? "{}");
      user.expires_at = Math.floor(Date.now() / 1000) - 5;
      if (isGone) user.refresh_token = "gone";
      sessionStorage.setItem(name, JSON.stringify(user));
    }
  }, without);
}

test("an administrator signs in, goes on where they were, and out again", async ({ page, context }) => {
  await page.goto("/requests?status=approved");
  await signIn(page, "admin");
  await expect(page).toHaveURL(/\/requests\?status=approved$/);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Requests");
  await expect(page.getByRole("link", { name: "Callback secrets" })).toBeVisible();
  await expect(page.getByText("Development mode")).toHaveCount(0);
  await expect(page.locator(".kit-live")).toHaveAttribute("data-state", "live");
  await expectAccessible(page, "requests");
  const kept = await page.evaluate(() => JSON.stringify(localStorage));
  expect(kept).not.toContain("access_token");

  // A new tab asks nobody anything.
  const second = await context.newPage();
  await second.goto("/audit");
  await expect(second.getByRole("heading", { level: 1 })).toHaveText("Audit log");
  await second.close();

  await page.getByRole("button", { name: /language, appearance, sign out/ }).click();
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await expect(page.getByLabel("Username or email")).toBeVisible({ timeout: 20_000 });
});

test("a token that runs out is renewed once, however many calls wait", async ({ page }) => {
  await page.goto("/");
  await signIn(page, "admin");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Home");
  await expire(page);
  let renewals = 0;
  page.on("request", (one) => {
    if (one.url().endsWith("/protocol/openid-connect/token")) renewals++;
  });
  await page.reload();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Home");
  await expect(page.locator(".kit-live")).toHaveAttribute("data-state", "live");
  expect(renewals).toBe(1);
});

test("a session that has ended loses nothing that was typed", async ({ page }) => {
  await page.goto("/policies/new");
  await signIn(page, "admin");
  await page.getByLabel("Name", { exact: false }).first().fill("Not saved yet");
  const name = page.getByLabel("Name", { exact: false }).first();
  await page.route("**/policies/validate", (route) =>
    route.fulfill({
      status: 401,
      json: { errors: [{ errorCode: "AWE-008", reason: "token_expired", message: "the token has expired" }] },
    }),
  );
  await name.fill("Not saved yet, either");
  const dialog = page.getByRole("dialog", { name: "Your session has ended" });
  await expectAccessible(page, "session over");
  await dialog.getByRole("button", { name: "Stay on this page" }).click();
  await expect(name).toHaveValue("Not saved yet, either");
  await page.unroute("**/policies/validate");
  // What was kept in the tab is worth nothing any more. The provider still knows who it is, so nobody is asked again.
  await expire(page, true);
  await page.reload();
  await expect(page).toHaveURL(/\/policies\/new$/);
  await expect(name).toHaveValue("Not saved yet, either", { timeout: 20_000 });
});

test("a viewer sees, and changes nothing", async ({ page }) => {
  await page.goto("/");
  await signIn(page, "viewer");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Home");
  await expect(page.getByRole("link", { name: "Audit log" })).toBeVisible();
  await expect(page.getByRole("link", { name: "Callback secrets" })).toHaveCount(0);
});
