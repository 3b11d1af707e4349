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
/** Both directions in both schemes, and every language once. */
const LOOKS = [
  { locale: "en", scheme: "light" },
  { locale: "ar", scheme: "dark" },
  { locale: "ar", scheme: "light" },
  { locale: "hi", scheme: "light" },
  { locale: "fr", scheme: "dark" },
];
/** A language of each direction in each scheme. */
const SIDES = LOOKS.filter(({ locale }) => locale !== "hi");

const FAILURE = {
  status: 500,
  json: { errors: [{ errorCode: "AWE-999", reason: "internal", message: "something broke" }] },
};
const LISTS = /\/v1\/awe\/(requests|admin\/|policies|tasks\?|delegations|stats)/;

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

/** Every list, asked for what there is none of. */
const EMPTY = [
  "/requests?search_text=nothing-is-called-that",
  "/deliveries?artifact_id=none",
  "/audit?actor=nobody",
  "/policies?search_text=nothing-is-called-that",
];
/** The pages of each that read from the server. */
const READING = [
  "/",
  "/inbox",
  "/requests",
  "/policies",
  "/deliveries",
  "/deliveries?tab=endpoints",
  "/secrets",
  "/audit",
  "/delegations",
  "/system",
];

for (const { locale, scheme } of SIDES) {
  test(`empty lists say what to do, ${locale}, ${scheme}`, async ({ page, isMobile }) => {
    test.skip(isMobile && scheme === "dark", "colours are the same on a phone");
    await as(page, ADMIN, locale, scheme);
    for (const route of EMPTY) {
      await page.goto(route);
      await expect(page.locator(".kit-empty")).toBeVisible();
      await expectNoSidewaysScroll(page);
      await expectAccessible(page, route);
    }
    await as(page, somebody(), locale, scheme);
    await page.goto("/inbox");
    await expect(page.locator(".kit-empty")).toBeVisible();
    await expectAccessible(page, "empty inbox");
  });

  test(`failing pages say what happened, ${locale}, ${scheme}`, async ({ page, isMobile }) => {
    test.skip(isMobile && scheme === "dark", "colours are the same on a phone");
    await as(page, ADMIN, locale, scheme);
    await page.route(LISTS, (route) => route.fulfill(FAILURE));
    for (const route of READING) {
      await page.goto(route);
      await expect(page.getByRole("alert").first()).toContainText("something broke");
      await expectNoSidewaysScroll(page);
      await expectAccessible(page, route);
    }
  });
}

test("a page that failed tries again", async ({ page }) => {
  await as(page, ADMIN);
  await page.route(LISTS, (route) => route.fulfill(FAILURE));
  await page.goto("/delegations");
  await expect(page.getByRole("alert").first()).toContainText("something broke");
  await page.unroute(LISTS);
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
      const texts = found
        .filter((one) => !one.closest("[data-server-words]"))
        .map((one) => (one.textContent ?? "").trim());
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

test("whoever goes by keys sees where they are", async ({ page, isMobile }) => {
  test.skip(isMobile, "phones have no keys");
  const key = await policy([ADMIN]);
  const { request_id } = await request(key);
  await as(page, ADMIN);
  for (const route of ["/", "/inbox", "/requests", `/requests/${request_id}`, "/policies/new", "/deliveries"]) {
    await page.goto(route);
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    await expect(page.locator(".mantine-Skeleton-root")).toHaveCount(0);
    const seen = new Set<string>();
    for (let step = 0; step < 60; step++) {
      await page.keyboard.press("Tab");
      const at = await page.evaluate(() => {
        const one = document.activeElement as HTMLElement | null;
        if (!one || one === document.body) return undefined;
        const { left, top, width, height } = one.getBoundingClientRect();
        const hit = document.elementFromPoint(left + Math.min(width / 2, 40), top + height / 2);
        const isSeen = hit !== null && (one.contains(hit) || hit.contains(one));
        return { what: one.outerHTML, isSeen };
      });
      if (!at) break;
      expect(at.isSeen, `${route}: ${at.what.slice(0, 160)} is hidden`).toBe(true);
      seen.add(at.what);
    }
    expect(seen.size, route).toBeGreaterThan(10);
  }
});

test("wider letters and forced colours break nothing", async ({ page }, { project }) => {
  await as(page, ADMIN);
  const key = await policy([ADMIN]);
  const { request_id } = await request(key);
  for (const route of ["/", "/inbox", `/requests/${request_id}`, `/policies/${key}`]) {
    await page.emulateMedia({ forcedColors: "active" });
    await page.goto(route);
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    await expect(page.locator("[aria-busy=true]")).toHaveCount(0);
    await expect(page.locator(".mantine-Skeleton-root")).toHaveCount(0);
    const name = route
      .replace(key, "one")
      .replace(request_id, "one")
      .replaceAll(/[^a-z]+/g, "-");
    await page.screenshot({ path: `../.dev/ui/${project.name}-forced${name}.png`, fullPage: true });
    await page.emulateMedia({ forcedColors: "none" });
    // WCAG 1.4.12, by a sheet that the policy of the page does not concern.
    await page.evaluate(() => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(
        "* { letter-spacing: 0.12em !important; word-spacing: 0.16em !important; line-height: 1.5 !important } p { margin-bottom: 2em !important }",
      );
      document.adoptedStyleSheets.push(sheet);
    });
    await expectNoSidewaysScroll(page);
  }
});
