import { beforeEach, describe, expect, it } from "vitest";
import { directionOf, firstLocale } from "../src/i18n.tsx";
import { EventParser } from "../src/live.tsx";
import { kindOf, problemOf } from "../src/problem.tsx";
import { pseudo } from "../src/pseudo.ts";
import { only, parseSearch, stringifySearch } from "../src/search.ts";
import { keepUser, keptUser, unsignedToken } from "../src/session/development.ts";
import { differences, linesOf, nameText } from "../src/ui/DataTable.tsx";
import { fromLocal, toLocal } from "../src/ui/FilterBar.tsx";
import { type FlowStage, grouped } from "../src/ui/FlowPicture.tsx";
import { exported } from "../src/ui/saving.ts";
import { durationText, relativeParts, utcText } from "../src/ui/Time.tsx";

beforeEach(() => {
  sessionStorage.clear();
  localStorage.clear();
});

describe("languages", () => {
  it("takes what was chosen before, then the browser's, then English", () => {
    expect(firstLocale("ar", ["fr"])).toBe("ar");
    expect(firstLocale(null, ["de-DE", "fr-CA", "en"])).toBe("fr");
    expect(firstLocale("xx", ["de"])).toBe("en");
    expect(directionOf("ar")).toBe("rtl");
    expect(directionOf("hi")).toBe("ltr");
  });

  it("makes English that shows what was never translated, and keeps its values", () => {
    const { hello } = pseudo({ hello: "Hello {name}, {count, plural, one {# task} other {# tasks}}" });
    const text = JSON.stringify(hello);
    expect(text).toContain("Hélló");
    expect(text).toContain('"value":"name"');
    expect(text).toContain("táñkš".slice(0, 2));
  });
});

describe("the URL", () => {
  it("holds plain words and gives them back", () => {
    expect(stringifySearch({ status: "in_review", search_text: "a&b c", cursor: undefined, none: "" })).toBe(
      "?status=in_review&search_text=a%26b+c",
    );
    expect(parseSearch("?status=in_review&search_text=a%26b+c&empty=")).toEqual({
      status: "in_review",
      search_text: "a&b c",
    });
  });

  it("drops what a page does not know, and what is too long", () => {
    const kept = only("status", "long");
    expect(kept({ status: "open", other: "x", long: "x".repeat(3_000) })).toEqual({ status: "open" });
  });

  it("keeps moments in UTC and shows them in the viewer's zone", () => {
    expect(fromLocal(toLocal("2026-11-30T22:15:00.000Z"))).toBe("2026-11-30T22:15:00.000Z");
    expect(fromLocal("")).toBe("");
    expect(toLocal("nonsense")).toBe("");
  });
});

describe("server-sent events", () => {
  it("are read out of pieces of any size", () => {
    const text =
      ': hello\nid: A\n\nevent: request_approved\r\nid: B\r\ndata: {"a":\ndata: 1}\r\n\r\nid: C\ndata: 2\n\n';
    for (const size of [1, 3, 7, 1_000]) {
      const parser = new EventParser();
      const found = [];
      for (let at = 0; at < text.length; at += size) found.push(...parser.push(text.slice(at, at + size)));
      expect(found, `pieces of ${size}`).toEqual([
        { event: undefined, id: "A", data: undefined },
        { event: "request_approved", id: "B", data: '{"a":\n1}' },
        { event: undefined, id: "C", data: "2" },
      ]);
    }
  });
});

describe("times", () => {
  it("are told by their largest unit", () => {
    expect(relativeParts(59)).toEqual([0, "minute"]);
    expect(relativeParts(-3_700)).toEqual([-1, "hour"]);
    expect(relativeParts(86_400 * 8)).toEqual([1, "week"]);
    expect(utcText(new Date("2026-11-30T22:15:00.123Z"))).toBe("2026-11-30 22:15:00 UTC");
    expect(durationText("en", 39)).toBe("39 ms");
    expect(durationText("en", 5_400_000)).toBe("90 min");
  });
});

describe("exports", () => {
  it("quote what has to be quoted and start no formula", () => {
    const csv = exported(
      [
        { a: 'x "y", z', b: "=1+1" },
        { a: 5, c: { d: [1] } },
      ],
      "csv",
    );
    expect(csv).toBe('a,b,c\r\n"x ""y"", z",\'=1+1,\r\n5,,"{""d"":[1]}"\r\n');
    expect(JSON.parse(exported([{ a: 1 }], "json"))).toEqual([{ a: 1 }]);
  });
});

describe("data as people read it", () => {
  it("is one line for each thing that it says", () => {
    const lines = linesOf({ amount: 5, household: { members: ["a", "b"], head: null }, moves: [{ to: "x" }] });
    expect(lines.map(({ path }) => path)).toEqual(["amount", "household.members", "household.head", "moves[1].to"]);
    expect(nameText("household.head_name")).toBe("Household › head name");
  });

  it("is bounded", () => {
    expect(linesOf(Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [`n${at}`, at])))).toHaveLength(200);
  });

  it("tells only what differs", () => {
    expect(differences({ a: 1, b: 2 }, { a: 1, b: 3, c: 4 })).toEqual([
      { path: "b", before: 2, after: 3 },
      { path: "c", before: undefined, after: 4 },
    ]);
    expect(differences(null, null)).toEqual([]);
  });
});

describe("the picture", () => {
  it("puts neighbours of one group side by side, and nobody else", () => {
    const stage = (order: number, group: number | null): FlowStage => ({
      id: `${order}`,
      order,
      name: "",
      group,
      rule: "",
      lines: [],
    });
    const steps = grouped([stage(3, 1), stage(1, 1), stage(2, null), stage(4, 1), stage(5, 2)]);
    expect(steps.map((step) => step.map((one) => one.order))).toEqual([[1], [2], [3, 4], [5]]);
  });
});

describe("development users", () => {
  it("are kept for this tab first", () => {
    expect(keptUser()).toBeUndefined();
    keepUser({ subject: "amina", name: "Amina", roles: [] });
    expect(keptUser()?.subject).toBe("amina");
    localStorage.setItem("awe.development.user", '{"subject":"badru","name":"B","roles":[]}');
    expect(keptUser()?.subject).toBe("amina");
    sessionStorage.setItem("awe.development.user", "{broken");
    expect(keptUser()).toBeUndefined();
  });

  it("have tokens without a signature, in any alphabet", () => {
    const [, claims, signature] = unsignedToken({ subject: "ن", name: "नाम", roles: ["AWE_ADMIN"] }, 1_000).split(".");
    const read = JSON.parse(Buffer.from(claims ?? "", "base64url").toString());
    expect(read).toMatchObject({ sub: "ن", name: "नाम", realm_access: { roles: ["AWE_ADMIN"] } });
    expect(signature).toBe("");
  });
});

describe("errors", () => {
  it("say what to do by what they are", () => {
    const refused = Object.assign(new Error("409 AWE-007 task_decided: the task has its decision"), {
      status: 409,
      reason: "task_decided",
    });
    expect(problemOf(refused).message).toBe("the task has its decision");
    expect(kindOf(problemOf(refused))).toBe("conflict");
    expect(kindOf(problemOf(new TypeError("fetch failed")))).toBe("offline");
    expect(kindOf({ message: "", status: 503 })).toBe("busy");
    expect(kindOf({ message: "", status: 500 })).toBe("fault");
  });
});
