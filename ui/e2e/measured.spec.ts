/** How long things take; nothing else runs beside. */

import { ADMIN, as, expect, policy, request, somebody, test } from "./support.ts";

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
  expect(shift).toBeLessThan(0.01);
});

/** Paths that the frame leads to. */
const PLACES = [
  "/requests",
  "/policies",
  "/deliveries",
  "/secrets",
  "/audit",
  "/system",
  "/delegations",
  "/inbox",
  "/",
];
const ROUNDS = 3;

test("a change of page takes a tenth of a second, and never half of one", async ({ page }) => {
  await as(page, ADMIN);
  await page.goto("/");
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  const go = (to: string) =>
    page.evaluate(async (path) => {
      const before = document.querySelector("h1");
      const began = performance.now();
      document.querySelector<HTMLElement>(`nav a[href="${path}"]`)?.click();
      const isThere = () => {
        const now = document.querySelector("main h1");
        return location.pathname === path && now !== null && now !== before;
      };
      while (!isThere()) await new Promise((resolve) => requestAnimationFrame(resolve));
      return performance.now() - began;
    }, to);
  // The first visit of a page fetches its code as well; its own bound is that of the first load.
  for (const to of PLACES) await go(to);
  const taken: number[] = [];
  for (let round = 0; round < ROUNDS; round++) for (const to of PLACES) taken.push(await go(to));
  taken.sort((one, other) => one - other);
  const [median, most] = [taken[Math.floor(taken.length / 2)] ?? 0, taken.at(-1) ?? 0];
  console.log(`change of page: median ${Math.round(median)} ms, most ${Math.round(most)} ms`);
  expect(median).toBeLessThan(100);
  expect(most).toBeLessThan(500);
});
