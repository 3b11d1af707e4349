/** What journeys begin with: people, a server with something in it, and a page that may not complain. */

import { AweClient, type Schemas } from "@awe/client";
import { AxeBuilder } from "@axe-core/playwright";
import { expect, type Page, test as plain } from "@playwright/test";

export interface User {
  subject: string;
  name: string;
  roles: string[];
}

export const ADMIN: User = { subject: "admin", name: "Ada Admin", roles: ["AWE_ADMIN"] };
export const VIEWER: User = { subject: "auditor", name: "Ola Auditor", roles: ["AWE_VIEWER"] };
export const SHOTS = "../.dev/ui";

let made = 0;
/** A word that no other test uses. */
export function unique(prefix: string): string {
  return `${prefix}-${process.pid}-${Date.now().toString(36)}-${++made}`;
}

/** Somebody whom nothing waits for yet. */
export function somebody(): User {
  const subject = unique("person");
  return { subject, name: `Person ${made}`, roles: [] };
}

export function tokenOf({ subject, name, roles }: User): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const exp = Math.floor(Date.now() / 1000) + 3600;
  return `${part({ alg: "none", typ: "JWT" })}.${part({ sub: subject, name, exp, realm_access: { roles } })}.`;
}

export function api(user: User = ADMIN): AweClient {
  return new AweClient({ baseUrl: process.env.AWE_API_URL ?? "", token: tokenOf(user) });
}

/** Opens the pages as somebody, in a language and a scheme. */
export async function as(page: Page, user: User, locale = "en", scheme = "light"): Promise<void> {
  await page.addInitScript(
    ([kept, language, colours]) => {
      localStorage.setItem("awe.development.user", kept ?? "");
      localStorage.setItem("awe.locale", language ?? "");
      localStorage.setItem("mantine-color-scheme-value", colours ?? "");
    },
    [JSON.stringify(user), locale, scheme],
  );
}

type Stage = Schemas["StageIn"];

/** An active policy whose stages these people decide. */
export async function policy(people: User[], patch: Partial<Stage> = {}, more: Stage[] = []): Promise<string> {
  const key = unique("policy");
  const rules = people.map(({ subject }) => ({ rule_type: "user", rule_value: { user_id: subject } }));
  const first = { name: "Officers", stage_order: 1, mode: "any-n", mode_value: 1, rules, ...patch };
  const body = { policy_key: key, name: `Payments ${key}`, artifact_type: "payment", stages: [first, ...more] };
  await api().call("create_policy", { body });
  await api().call("activate_policy_version", { path: { policy_key: key, version: 1 } });
  return key;
}

export async function request(
  key: string,
  patch: Partial<Schemas["CreateRequestIn"]> = {},
): Promise<Schemas["CreateRequestOut"]> {
  const id = unique("CR");
  return api().create({
    policy_key: key,
    artifact_type: "payment",
    artifact_id: id,
    title: `Payment ${id}`,
    summary: "The account that payments go to changes from 0012 to 0047.",
    artifact_url: "https://registry.example.org/changes/1",
    requester: "hana",
    context: { amount: 2500, district: "north" },
    ...patch,
  });
}

/** A page that fails its test when it says something on the console, breaks its policy or throws. */
export const test = plain.extend<{ complaints: string[]; allowed: RegExp[] }>({
  allowed: [[], { option: true }],
  complaints: [
    async ({ page, allowed }, use) => {
      const found: string[] = [];
      page.on("console", (message) => {
        if (message.type() === "error") found.push(message.text());
      });
      page.on("pageerror", (error) => found.push(error.message));
      await use(found);
      // What a test made the server refuse shows up there too.
      const expected = [/Failed to load resource/, /net::ERR_/, ...allowed];
      expect(found.filter((text) => !expected.some((one) => one.test(text)))).toEqual([]);
    },
    { auto: true },
  ],
});

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

export async function expectAccessible(page: Page, what = ""): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).withTags(TAGS).analyze();
  const told = violations.map(
    ({ id, nodes }) =>
      `${id}: ${nodes.map((node) => `${node.target.join(" ")} ${node.failureSummary?.split("\n")[1] ?? ""}`).join(" | ")}`,
  );
  expect(told, what).toEqual([]);
}

/** Nothing is wider than the window. */
export async function expectNoSidewaysScroll(page: Page): Promise<void> {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(wide).toBeLessThanOrEqual(0);
}

export { expect };
