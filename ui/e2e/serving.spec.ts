/** How the pages are served: the same by the program and by nginx. */

import { ADMIN, as, expect, test } from "./support.ts";

test("the page is never kept, its files for ever, and what is missing is missing", async ({ request: http }) => {
  const page = await http.get("/inbox", { headers: { accept: "text/html" } });
  expect(page.status()).toBe(200);
  expect(page.headers()["cache-control"]).toBe("no-store");
  const policies = page.headers()["content-security-policy"] ?? "";
  expect(policies).toContain("default-src 'none'");
  expect(policies).not.toContain("unsafe");
  const nonce = /'nonce-([^']+)'/.exec(policies)?.[1] ?? "none";
  const text = await page.text();
  expect(text).toContain(`nonce="${nonce}"`);
  expect(text).not.toContain("AWE_CSP_NONCE");
  const script = /assets\/index[^"]+\.js/.exec(text)?.[0] ?? "";
  const asset = await http.get(`/${script}`, { headers: { "accept-encoding": "gzip" } });
  expect(asset.headers()["cache-control"]).toContain("immutable");
  expect(asset.headers()["content-encoding"]).toBe("gzip");
  expect(asset.headers()["x-content-type-options"]).toBe("nosniff");
  for (const path of ["/assets/gone-123.js", "/v1/awe/nothing", "/v1/nothing"]) {
    expect((await http.get(path, { headers: { accept: "text/html" } })).status(), path).toBe(404);
  }
  const again = await http.get("/", { headers: { accept: "text/html" } });
  expect(again.headers()["content-security-policy"]).not.toContain(nonce);
});

test("nobody but the server is asked for anything", async ({ page }) => {
  const strangers: string[] = [];
  page.on("request", (one) => {
    if (new URL(one.url()).origin !== new URL(process.env.AWE_UI_URL ?? "").origin && !one.url().startsWith("data:"))
      strangers.push(one.url());
  });
  await as(page, ADMIN);
  for (const route of ["/", "/inbox", "/policies/new?view=document"]) {
    await page.goto(route);
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  }
  expect(strangers).toEqual([]);
});
