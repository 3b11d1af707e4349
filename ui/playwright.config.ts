import { defineConfig } from "@playwright/test";

const base = process.env.AWE_UI_URL;
const portal = process.env.REGISTRY_UI_URL;
if (!base) throw new Error("AWE_UI_URL is not set: run `./dev ui test`");

/** The browser is the machine's own: nothing is downloaded. */
const browser = {
  launchOptions: { executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] },
};

/** By its whole name: a folder above may be called that, too. */
const PORTAL = "**/e2e/portal.spec.ts";

export default defineConfig({
  testDir: "e2e",
  outputDir: "../.dev/ui/results",
  // What fails is mended, not tried again.
  retries: 0,
  workers: 2,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  reporter: [["list"]],
  forbidOnly: !!process.env.CI,
  use: {
    baseURL: base,
    ...browser,
    video: "off",
    trace: "retain-on-failure",
    locale: "en-GB",
    timezoneId: "Africa/Nairobi",
  },
  projects: [
    {
      name: "desktop",
      testIgnore: [/screens|measured|keycloak/, PORTAL],
      use: { viewport: { width: 1280, height: 800 } },
    },
    {
      name: "phone",
      testMatch: /approver|fits/,
      use: { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 },
    },
    // The Registry's portal, on the Registry's own port.
    {
      name: "portal",
      testMatch: PORTAL,
      use: { baseURL: portal, viewport: { width: 1280, height: 800 } },
    },
    {
      name: "portal-phone",
      testMatch: PORTAL,
      grep: /@phone/,
      use: {
        baseURL: portal,
        viewport: { width: 360, height: 740 },
        hasTouch: true,
        isMobile: true,
        deviceScaleFactor: 2,
      },
    },
    {
      name: "measured",
      testMatch: /measured/,
      dependencies: ["desktop", "phone"],
      use: { viewport: { width: 1280, height: 800 } },
    },
    { name: "keycloak", testMatch: /keycloak/, use: { viewport: { width: 1280, height: 800 } } },
    { name: "screens", testMatch: /screens/, use: { viewport: { width: 1280, height: 800 } } },
  ],
});
