/** The approval element: what is told of an approval, in every language, and how often it is asked for. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Approval, Feed, FIRST_MS, MOST_MS, nextWait, PATH, type State, urlOf } from "../src/approval/feed.js";
import { AweApproval } from "../src/approval/index.js";
import { storyOf } from "../src/approval/story.js";
import { LOCALES, localeOf, say, WORDS } from "../src/approval/words.js";

const NOW = Date.parse("2026-03-01T12:00:00Z");
const task = (assignee: string, more: object = {}) => ({
  task_id: assignee,
  assignee,
  kind: "approver",
  required: false,
  status: "open",
  rules: [],
  ...more,
});
const stage = (name: string, state: string, more: object = {}) => ({
  stage_id: name,
  stage_order: 1,
  name,
  state,
  mode: "any-n",
  approvals: 0,
  rejections: 0,
  abstentions: 0,
  seats: 1,
  tasks: [],
  ...more,
});
const decision = {
  action: "approve",
  actor: "officer-1",
  comment: "seen",
  created_at: "2026-03-01T10:00:00Z",
  late: false,
};

function approval(status = "in_review"): Approval {
  const stages = [
    stage("Officer", "approved", {
      approvals: 1,
      needed: 1,
      tasks: [task("officer-1", { status: "completed", decision })],
    }),
    stage("Directors", "active", {
      approvals: 1,
      needed: 2,
      seats: 3,
      due_at: "2026-03-01T11:00:00Z",
      parallel_group: 1,
      tasks: [task("director-1"), task("director-2", { status: "skipped" }), task("auditor", { kind: "observer" })],
    }),
    stage("Finance", "waiting", { parallel_group: 1, seats: 0 }),
  ];
  const events = [
    {
      id: "1",
      request_id: "r",
      sequence: 1,
      event_type: "request_created",
      actor: "staff-1",
      payload: {},
      created_at: "2026-03-01T09:00:00Z",
    },
    {
      id: "2",
      request_id: "r",
      sequence: 2,
      event_type: "something_new",
      actor: "system:engine",
      payload: {},
      created_at: "2026-03-01T09:00:01Z",
    },
  ];
  return { request: { id: "r", status }, progress: { as_of: "x", stages }, events } as unknown as Approval;
}

test("tells who decided what and who is awaited", () => {
  const story = storyOf(approval(), WORDS.en, "en", (id) => (id === "director-1" ? "Dina" : undefined), NOW);
  const [officer, directors, finance] = story.stages;
  assert.deepEqual([story.word, story.tone], ["In review", "busy"]);
  assert.equal(officer?.approvals, "1 of 1");
  const [seat] = officer?.seats ?? [];
  assert.deepEqual(
    [seat?.who, seat?.state, seat?.comment, seat?.at],
    ["officer-1", "approved", "seen", decision.created_at],
  );
  assert.deepEqual(officer?.awaited, []);
  assert.deepEqual([directors?.approvals, directors?.awaited, directors?.isOverdue], ["1 of 2", ["Dina"], true]);
  assert.deepEqual(directors?.seats[2]?.notes, ["looks on"]);
  assert.deepEqual([finance?.isTogether, finance?.isCurrent, finance?.approvals], [true, false, undefined]);
  assert.deepEqual(
    story.history.map((one) => [one.what, one.who]),
    [
      ["Asked for", "staff-1"],
      ["something new", "the system"],
    ],
  );
});

test("somebody who decides for another is named with them", () => {
  const given = approval();
  const made = task("amina", { status: "completed", decision: { ...decision, actor: "badru", on_behalf_of: "amina" } });
  Object.assign(given.progress.stages[0] ?? {}, { tasks: [made] });
  const [seat] = storyOf(given, WORDS.en, "en", () => undefined, NOW).stages[0]?.seats ?? [];
  assert.deepEqual([seat?.who, seat?.notes], ["badru", ["for amina"]]);
});

test("every language says everything, with the same values", () => {
  for (const locale of LOCALES) {
    for (const [word, text] of Object.entries(WORDS.en)) {
      const said = WORDS[locale][word as keyof typeof WORDS.en];
      assert.ok(said?.trim(), `${locale} ${word}`);
      const values = (one: string) => (one.match(/\{\w+\}/g) ?? []).sort();
      assert.deepEqual(values(said), values(text), `${locale} ${word}`);
    }
    assert.equal(say(WORDS[locale], "event", "not_known_yet"), "not known yet");
  }
  assert.equal(localeOf(undefined, "ar-EG", "fr"), "ar");
  assert.equal(localeOf("de", null), "en");
});

test("the address is put together of base and template, and an id cannot leave its place", () => {
  assert.equal(
    urlOf("/v1/registry/change-requests/", PATH, "a/../b"),
    "/v1/registry/change-requests/a%2F..%2Fb/approval",
  );
  assert.equal(urlOf("https://x.example", "/approvals?of={request-id}", "1&2"), "https://x.example/approvals?of=1%262");
});

test("asks sooner after news, later without, and as late as it is told", () => {
  let wait = nextWait(MOST_MS, true);
  assert.equal(wait, FIRST_MS);
  for (let count = 0; count < 20; count++) wait = nextWait(wait, false);
  assert.equal(wait, MOST_MS);
  assert.equal(nextWait(FIRST_MS, false, 120_000), 120_000);
  assert.equal(nextWait(FIRST_MS, false, 1e12), 300_000);
});

/** Answers what the proxy would, one after the other; collects what the feed tells. */
async function told(...answers: (Response | Error)[]): Promise<{ states: State[]; asked: Headers[]; feed: Feed }> {
  const states: State[] = [];
  const asked: Headers[] = [];
  const own = async (_: unknown, init?: RequestInit) => {
    asked.push(new Headers(init?.headers));
    const answer = answers.shift() ?? new Error("nothing more");
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const feed = new Feed({ url: "/x", token: async () => "t", fetch: own as typeof fetch }, (state) =>
    states.push(state),
  );
  const count = answers.length;
  feed.start();
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  for (await settled(); asked.length < count; await settled()) await feed.ask();
  feed.stop();
  return { states, asked, feed };
}

test("what was known stays when the line is down, and what is the same is told once", async () => {
  const later = approval();
  later.progress.as_of = "y";
  const { states, asked } = await told(
    new Error("down"),
    Response.json(approval()),
    Response.json(later),
    new Response("", { status: 503, headers: { "retry-after": "7" } }),
    Response.json(approval("approved")),
  );
  assert.deepEqual(
    states.map((state) => (state.is === "shown" ? [state.stale, state.approval.request.status] : state.is)),
    ["offline", [false, "in_review"], [true, "in_review"], [false, "approved"]],
  );
  assert.ok(asked.every((headers) => headers.get("authorization") === "Bearer t"));
});

test("what is not there, not allowed or no approval is told as such", async () => {
  const states = async (answer: Response) => (await told(answer)).states.map((state) => state.is);
  assert.deepEqual(await states(new Response("", { status: 404 })), ["unknown"]);
  assert.deepEqual(await states(new Response("", { status: 403 })), ["forbidden"]);
  assert.deepEqual(await states(Response.json({ hello: 1 })), ["offline"]);
  assert.deepEqual(await states(new Response("<html>", { status: 200 })), ["offline"]);
});

test("a server may import it", () => {
  assert.equal(typeof AweApproval, "function");
});
