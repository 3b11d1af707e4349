/** The Registry's staff portal: changes are asked for, looked at, decided, cancelled, applied past their approvers. */

import type { Page } from "@playwright/test";
import {
  as,
  expect,
  expectAccessible,
  expectNoSidewaysScroll,
  SHOTS,
  test,
  tokenOf,
  type User,
  unique,
} from "./support.ts";

if (!process.env.REGISTRY_UI_URL) throw new Error("REGISTRY_UI_URL is not set: run `./dev ui test`");

const person = (subject: string, ...roles: string[]): User => ({ subject, name: subject, roles });
const STAFF = person("staff-1", "changeRequest:create", "changeRequest:view");
const OFFICER = person("officer-1", "changeRequest:decide");
const DIRECTORS = [1, 2, 3].map((number) => person(`director-${number}`, "changeRequest:decide"));
const BOSS = person("registry-admin", "changeRequest:approve");
const GATED = "section-farmer-edit";
const DIRECT = "section-farmer-notes";

async function registry<Answer>(user: User, path: string, body?: object): Promise<Answer> {
  const answer = await fetch(`${process.env.REGISTRY_UI_URL}/v1/registry${path}`, {
    method: body ? "POST" : "GET",
    headers: { authorization: `Bearer ${tokenOf(user)}`, "content-type": "application/json" },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return (await answer.json()) as Answer;
}

interface Change {
  change_request_id: string;
  approval_status: string;
  awe_request_id: string | null;
  record: { data: Record<string, unknown> } | null;
  reason: string | null;
  override_by: string | null;
}

const read = (id: string) => registry<Change>(STAFF, `/change-requests/${id}`);

/** Asks for a change as staff-1; an update of a record that is made first. */
async function ask(record: string, patch: object = {}): Promise<string> {
  const told = await registry<Change>(STAFF, "/change-requests/create_change_request", {
    register_mnemonic: "farmer",
    section_id: GATED,
    edit_action: "create",
    record_id: record,
    change_payload: { name: "Grace Okafor", district: "north", amount: 1200, village: "Lodwar" },
    ...patch,
  });
  if (told.awe_request_id) await seats(told.change_request_id, 1);
  return told.change_request_id;
}

/** Waits until AWE has asked somebody in this stage. */
async function seats(id: string, stage: number): Promise<void> {
  interface Approval {
    progress: { stages: { tasks: unknown[] }[] };
  }
  const asked = async () => {
    const told = await registry<Approval>(STAFF, `/change-requests/${id}/approval`);
    return told.progress.stages[stage - 1]?.tasks.length ?? 0;
  };
  await expect.poll(asked).toBeGreaterThan(0);
}

const status = (id: string) => expect.poll(async () => (await read(id)).approval_status, { timeout: 20_000 });

async function become(page: Page, user: User): Promise<void> {
  await page.evaluate((kept) => {
    sessionStorage.setItem("awe.development.user", kept);
    localStorage.setItem("awe.development.user", kept);
  }, JSON.stringify(user));
  await page.reload();
}

/** From the inbox to the change of this record. */
async function openMine(page: Page, record: string): Promise<void> {
  await page.goto("/my-approvals");
  await page.getByRole("link", { name: new RegExp(record) }).click();
  await expect(page.getByRole("heading", { level: 1 })).toContainText(record);
}

test("a change is asked for, approved by an officer and two directors, and the record changes", async ({ page }) => {
  const record = unique("F");
  await registry(BOSS, "/change-requests/approve_change_request", {
    change_request_id: await ask(record, { section_id: DIRECT, change_payload: { amount: 900, district: "north" } }),
  });
  const id = await ask(record, {
    edit_action: "update",
    change_payload: { amount: 1500, village: "Kitale", district: "north" },
  });
  await as(page, STAFF);
  await page.goto(`/?requester=staff-1&status=PENDING&section=${GATED}`);
  await page.getByRole("link", { name: new RegExp(record) }).click();
  const diff = page.getByRole("region", { name: "Proposed change" });
  await expect(diff.getByRole("row", { name: /Amount/ })).toContainText("9001500");
  await expect(diff.getByRole("row", { name: /District/ })).toHaveCount(0);
  await expect(page.getByRole("button", { name: "Approve" })).toHaveCount(0);
  const sidebar = page.locator("awe-approval");
  await expect(sidebar.getByRole("list", { name: "Stages" }).locator("> li")).toHaveCount(2);
  await expect(sidebar.locator("[aria-current=step]")).toContainText("District officer");
  await expect(sidebar.locator("[aria-current=step]")).toContainText("Awaited: officer-1");

  await become(page, OFFICER);
  await openMine(page, record);
  await page.getByLabel("Comment").fill("Papers are complete.");
  await page.reload();
  await expect(page.getByLabel("Comment")).toHaveValue("Papers are complete.");
  await page.getByRole("button", { name: "Approve" }).click();
  await expect(page.getByRole("status").filter({ hasText: "Approved:" })).toBeVisible();
  await expect(sidebar.getByText("Papers are complete.").first()).toBeVisible();
  await expect(page.getByRole("button", { name: "Approve" })).toHaveCount(0);
  await seats(id, 2);
  for (const director of DIRECTORS.slice(0, 2)) {
    await become(page, director);
    await openMine(page, record);
    await page.getByRole("button", { name: "Approve" }).click();
    await expect(page.getByRole("status").filter({ hasText: "Approved:" })).toBeVisible();
  }
  await expect(page.getByText("Approved, and the record has changed")).toBeVisible({ timeout: 20_000 });
  await expect(page.getByRole("region", { name: "Live record" })).toContainText("Kitale");
  await expect(sidebar.locator("section > .body > .head")).toContainText("Approved");
  expect((await read(id)).record?.data).toMatchObject({ amount: 1500, village: "Kitale" });
});

test("a rejection needs a reason, which the requester is told", async ({ page }) => {
  const record = unique("F");
  const id = await ask(record);
  await as(page, OFFICER);
  await openMine(page, record);
  await page.getByRole("button", { name: "Reject" }).click();
  await expect(page.getByText("Say why you reject it.")).toBeVisible();
  await expect(page.getByLabel("Comment")).toHaveAttribute("aria-invalid", "true");
  await expectAccessible(page, "reason needed");
  await page.getByLabel("Comment").fill("The village is another one.");
  await page.getByRole("button", { name: "Reject" }).click();
  await status(id).toBe("REJECTED");
  await become(page, STAFF);
  await page.goto(`/change-requests/${id}`);
  await expect(page.getByText("Rejected: nothing has changed")).toBeVisible();
  await expect(page.getByRole("alert").getByText("The village is another one.")).toBeVisible();
  expect(await read(id)).toMatchObject({ record: null, reason: "The village is another one." });
});

test("break-glass asks for a reason and then once more, and AWE stops asking", async ({ page }) => {
  const record = unique("F");
  const id = await ask(record);
  await as(page, OFFICER);
  await page.goto(`/change-requests/${id}`);
  await expect(page.getByRole("button", { name: "Approve" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Break glass" })).toHaveCount(0);
  await become(page, BOSS);
  await page.getByRole("button", { name: "Break glass" }).click();
  const dialog = page.getByRole("dialog");
  const goOn = dialog.getByRole("button", { name: "Go on" });
  await expect(goOn).toBeDisabled();
  await dialog.getByLabel("Reason").fill("The river rises tonight.");
  await expectAccessible(page, "break-glass, reason");
  await goOn.click();
  await expect(dialog.getByText("Really apply it without approval?")).toBeVisible();
  await expect(dialog.getByText("The river rises tonight.")).toBeVisible();
  await expectAccessible(page, "break-glass, once more");
  expect((await read(id)).approval_status).toBe("PENDING");
  await page.reload();
  await page.getByRole("button", { name: "Break glass" }).click();
  await expect(dialog.getByLabel("Reason")).toHaveValue("The river rises tonight.");
  await goOn.click();
  await dialog.getByRole("button", { name: "Apply it without approval" }).click();
  await expect(page.getByText("Past its approvers, by registry-admin")).toBeVisible();
  await expect(page.locator("awe-approval section > .body > .head")).toContainText("Cancelled");
  expect(await read(id)).toMatchObject({ approval_status: "APPROVED", override_by: "registry-admin" });
});

test("whoever asked cancels, and nobody is asked any more", async ({ page }) => {
  const record = unique("F");
  const id = await ask(record);
  await as(page, STAFF);
  await page.goto(`/change-requests/${id}`);
  await page.getByRole("button", { name: "Cancel…" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Reason").fill("Asked for twice");
  await expectAccessible(page, "cancel");
  await dialog.getByRole("button", { name: "Cancel the change request" }).click();
  await expect(page.getByText("Cancelled: nothing has changed")).toBeVisible();
  await become(page, OFFICER);
  await page.goto("/my-approvals");
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await expect(page.getByRole("link", { name: new RegExp(record) })).toHaveCount(0);
});

test("filters are in the address, and outlive a reload", async ({ page }) => {
  const record = unique("F");
  await ask(record);
  await as(page, OFFICER);
  await page.goto("/");
  await page.getByLabel("Waits for", { exact: true }).selectOption("me");
  await page.getByLabel("Register").fill("farmer");
  await expect(page).toHaveURL(/awaiting=me.*register=farmer/);
  await page.reload();
  await expect(page.getByLabel("Register")).toHaveValue("farmer");
  await expect(page.getByRole("link", { name: new RegExp(record) })).toBeVisible();
  await page.getByLabel("Register").fill("nothing-is-called-that");
  await expect(page.getByText("No change requests")).toBeVisible();
  await expectAccessible(page, "empty");
  await page.getByRole("button", { name: /Clear/ }).click();
  await expect(page).toHaveURL(/\/$/);
});

test("refusals and a line that is down are told in words, and nothing typed is lost", async ({ page }) => {
  const id = await ask(unique("F"));
  await as(page, OFFICER);
  await page.goto(`/change-requests/${id}`);
  await page.getByLabel("Comment").fill("Seen in the field");
  await page.route("**/approve_change_request", (route) => route.abort("internetdisconnected"));
  await page.getByRole("button", { name: "Approve" }).click();
  await expect(page.getByRole("alert").getByText("No answer came")).toBeVisible();
  await expect(page.getByLabel("Comment")).toHaveValue("Seen in the field");
  await page.unroute("**/approve_change_request");
  const away = { status: 503, json: { errorCode: "REG-011", message: "AWE does not answer" } };
  await page.route("**/approve_change_request", (route) => route.fulfill(away));
  await page.getByRole("button", { name: "Approve" }).click();
  await expect(page.getByRole("alert")).toContainText("AWE does not answer");
  await expect(page.getByRole("alert")).toContainText("REG-011");
  await expectAccessible(page, "refused");
  await page.goto("/change-requests/0199c1f2-7c1e-7d3a-9a55-3f6d6c1b2a10");
  await expect(page.getByRole("alert")).toContainText("There is no such thing");
});

test("the sidebar says when it cannot know, and asks again", async ({ page }) => {
  const id = await ask(unique("F"));
  await as(page, STAFF);
  const sidebar = page.locator("awe-approval");
  for (const [code, words] of [
    [503, "cannot be loaded now"],
    [403, "may not see"],
    [404, "no approval to show"],
  ] as const) {
    await page.route("**/approval", (route) => route.fulfill({ status: code, json: {} }));
    await page.goto(`/change-requests/${id}`);
    await expect(sidebar.getByText(words).first()).toBeVisible();
    await expectAccessible(page, `sidebar ${code}`);
    await page.unroute("**/approval");
  }
  await sidebar.getByRole("button", { name: "Ask again" }).click();
  await expect(sidebar.locator("[aria-current=step]")).toContainText("District officer");
  await sidebar.getByText("History").click();
  await expect(sidebar.getByText("Asked for")).toBeVisible();
  await expectAccessible(page, "sidebar, history");
});

const LOOKS = [
  { locale: "en", scheme: "light" },
  { locale: "ar", scheme: "dark" },
  { locale: "hi", scheme: "light" },
  { locale: "fr", scheme: "dark" },
];

for (const { locale, scheme } of LOOKS) {
  test(`every page, ${locale}, ${scheme} @phone`, async ({ page }, { project }) => {
    const record = unique("F");
    const id = await ask(record);
    const ended = await ask(unique("F"));
    await registry(STAFF, "/change-requests/cancel_change_request", {
      change_request_id: ended,
      reason: "Asked twice",
    });
    const viewers = { list: OFFICER, mine: OFFICER, decide: OFFICER, glass: BOSS, ended: STAFF };
    const paths = {
      list: "/?register=farmer",
      mine: "/my-approvals",
      decide: `/change-requests/${id}`,
      glass: `/change-requests/${id}`,
      ended: `/change-requests/${ended}`,
    };
    for (const [name, path] of Object.entries(paths)) {
      const own = await page.context().newPage();
      await as(own, viewers[name as keyof typeof viewers], locale, scheme);
      await own.goto(path);
      await expect(own.getByRole("heading", { level: 1 })).toBeVisible();
      await expect(own.locator(".mantine-Skeleton-root")).toHaveCount(0);
      if (path.startsWith("/change")) await expect(own.locator("awe-approval ol.stages > li")).toHaveCount(2);
      if (name === "decide") await expect(own.getByRole("textbox")).toBeVisible();
      await expect(own.locator("html")).toHaveAttribute("dir", locale === "ar" ? "rtl" : "ltr");
      await expectNoSidewaysScroll(own);
      await expectAccessible(own, name);
      await own.screenshot({ path: `${SHOTS}/${project.name}-${locale}-${scheme}-${name}.png`, fullPage: true });
      await own.close();
    }
  });
}

test("the portal is served like the admin's pages, and asks nobody but the Registry", async ({
  page,
  request: http,
}) => {
  const home = await http.get("/my-approvals", { headers: { accept: "text/html" } });
  expect(home.headers()["cache-control"]).toBe("no-store");
  const policy = home.headers()["content-security-policy"] ?? "";
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toContain("unsafe");
  const script = /assets\/index[^"]+\.js/.exec(await home.text())?.[0] ?? "";
  const asset = await http.get(`/${script}`, { headers: { "accept-encoding": "gzip" } });
  expect(asset.headers()["cache-control"]).toContain("immutable");
  expect(asset.headers()["content-encoding"]).toBe("gzip");
  for (const path of ["/assets/gone-123.js", "/v1/registry/nothing"]) {
    expect((await http.get(path, { headers: { accept: "text/html" } })).status(), path).toBe(404);
  }
  const strangers: string[] = [];
  page.on("request", (one) => {
    if (new URL(one.url()).origin !== process.env.REGISTRY_UI_URL && !one.url().startsWith("data:"))
      strangers.push(one.url());
  });
  await page.goto("/");
  await expect(page.getByRole("button", { name: /staff-1/ })).toBeVisible();
  await expectAccessible(page, "sign in");
  await page.getByRole("button", { name: /officer-1/ }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Change requests");
  expect(strangers).toEqual([]);
});
