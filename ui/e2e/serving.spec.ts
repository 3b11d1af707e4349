/** How the pages are served: the same by the program and by nginx. */

import { ADMIN, as, expect, policy, request, somebody, test } from "./support.ts";

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

test("an inbox of 500 is there within a second on a slow machine, and nothing jumps", async ({ page }) => {
  test.setTimeout(120_000);
  const me = somebody();
  const key = await policy([me]);
  for (let at = 0; at < 500; at += 10) await Promise.all(Array.from({ length: 10 }, () => request(key)));
  await as(page, me);
  await page.goto("/delegations");
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Emulation.setCPUThrottlingRate", { rate: 4 });
  await page.evaluate(() => {
    const shifts: number[] = [];
    Object.assign(window, { shifts });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as (PerformanceEntry & { value: number; hadRecentInput: boolean })[]) {
        if (!entry.hadRecentInput) shifts.push(entry.value);
      }
    }).observe({ type: "layout-shift", buffered: false });
  });
  const taken = await page.evaluate(async () => {
    const began = performance.now();
    document.querySelector<HTMLElement>('nav a[href="/inbox"]')?.click();
    while (!document.querySelector("main tbody [data-row-link]"))
      await new Promise((resolve) => requestAnimationFrame(resolve));
    return performance.now() - began;
  });
  await expect(page.getByText("500 tasks wait for you")).toBeVisible();
  console.log(`inbox of 500 at a quarter of the speed: ${Math.round(taken)} ms`);
  expect(taken).toBeLessThan(1_000);
  const shift = await page.evaluate(() =>
    (window as unknown as { shifts: number[] }).shifts.reduce((sum, one) => sum + one, 0),
  );
  console.log(`layout shift: ${shift.toFixed(4)}`);
  expect(shift).toBeLessThan(0.1);
});
