/** Every page: accessible in light and dark, from left to right and from right to left, full, empty and failing. */

import {
  ADMIN,
  as,
  expect,
  expectAccessible,
  expectNoSidewaysScroll,
  policy,
  request,
  somebody,
  test,
} from "./support.ts";

const ROUTES = [
  "/",
  "/inbox",
  "/requests",
  "/delegations",
  "/policies",
  "/policies/new",
  "/deliveries",
  "/deliveries?tab=endpoints",
  "/secrets",
  "/audit",
  "/system",
];
const LOOKS = [
  { locale: "en", scheme: "light" },
  { locale: "ar", scheme: "dark" },
  { locale: "hi", scheme: "light" },
  { locale: "fr", scheme: "dark" },
];

test.setTimeout(180_000);

for (const { locale, scheme } of LOOKS) {
  test(`full pages, ${locale}, ${scheme}`, async ({ page }, { project }) => {
    const key = await policy([ADMIN], {}, []);
    const { request_id } = await request(key, { callback_url: "http://127.0.0.1:9/hooks" });
    await as(page, ADMIN, locale, scheme);
    for (const route of [...ROUTES, `/requests/${request_id}`, `/policies/${key}`]) {
      await page.goto(route);
      await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
      await expect(page.locator(".mantine-Skeleton-root")).toHaveCount(0);
      await expect(page.locator("html")).toHaveAttribute("dir", locale === "ar" ? "rtl" : "ltr");
      await expectNoSidewaysScroll(page);
      await expectAccessible(page, route);
      const name = route
        .replace(key, "one")
        .replace(request_id, "one")
        .replaceAll(/[^a-z]+/g, "-");
      await page.screenshot({ path: `../.dev/ui/${project.name}-${locale}-${scheme}${name}.png`, fullPage: true });
    }
  });
}

test("empty lists say what to do", async ({ page }) => {
  await as(page, ADMIN);
  for (const route of [
    "/requests?search_text=nothing-is-called-that",
    "/deliveries?artifact_id=none",
    "/audit?actor=nobody",
    "/policies?search_text=nothing-is-called-that",
  ]) {
    await page.goto(route);
    await expect(page.locator(".kit-empty")).toBeVisible();
    await expectAccessible(page, route);
  }
  await as(page, somebody());
  await page.goto("/inbox");
  await expect(page.locator(".kit-empty")).toBeVisible();
});

test("failing pages say what happened, and try again", async ({ page }) => {
  await as(page, ADMIN, "en", "dark");
  const failure = {
    status: 500,
    json: { errors: [{ errorCode: "AWE-999", reason: "internal", message: "something broke" }] },
  };
  const lists = /\/v1\/awe\/(requests|admin\/|policies|tasks\?|delegations|stats)/;
  await page.route(lists, (route) => route.fulfill(failure));
  for (const route of ["/", "/inbox", "/requests", "/policies", "/deliveries", "/secrets", "/audit", "/delegations"]) {
    await page.goto(route);
    await expect(page.getByRole("alert").first()).toContainText("something broke");
    await expectAccessible(page, route);
  }
  await page.unroute(lists);
  await page.getByRole("button", { name: "Try again" }).first().click();
  await expect(page.getByRole("alert")).toHaveCount(0);
});

test("words and controls of all pages are translated", async ({ page }) => {
  await as(page, ADMIN, "en-XA");
  const key = await policy([ADMIN]);
  for (const route of [...ROUTES, `/policies/${key}`]) {
    await page.goto(route);
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    await expect(page.locator(".mantine-Skeleton-root")).toHaveCount(0);
    const plain = await page.evaluate(() => {
      const found = [
        ...document.querySelectorAll<HTMLElement>(
          "main button, main label, main th, main [role=tab], nav a span, h1, h2",
        ),
      ];
      const texts = found.filter((one) => !one.closest("[data-server-words]")).map((one) => one.innerText.trim());
      return texts.filter((text) => /[a-z]{3}/.test(text) && !text.includes("["));
    });
    expect(
      plain.filter((text) => !text.includes(key)),
      route,
    ).toEqual([]);
  }
});

test("every control is large enough to touch", async ({ page, isMobile }) => {
  test.skip(!isMobile, "measured where fingers are");
  await as(page, ADMIN);
  const key = await policy([ADMIN]);
  await request(key);
  for (const route of ROUTES) {
    await page.goto(route);
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    await expect(page.locator(".mantine-Skeleton-root")).toHaveCount(0);
    const small = await page.evaluate(() =>
      [...document.querySelectorAll<HTMLElement>("button, a[href], input, select, textarea, summary")]
        .filter((one) => one.checkVisibility() && !one.matches(".kit-skip, [aria-hidden=true]"))
        .map((one) => ({ text: one.outerHTML.slice(0, 90), ...one.getBoundingClientRect().toJSON() }))
        .filter(({ width, height }) => width > 0 && (width < 20 || height < 20))
        .map(({ text, width, height }) => `${Math.round(width)}x${Math.round(height)} ${text}`),
    );
    expect(small, route).toEqual([]);
  }
});
