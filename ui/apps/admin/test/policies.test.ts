import { describe, expect, it } from "vitest";
import { parseDocument } from "yaml";
import {
  isWithBefore,
  moved,
  newStage,
  pointerParts,
  problemCounts,
  type Stage,
  together,
} from "../src/pages/policies/model.ts";
import { exampleOf } from "../src/pages/policies/Simulate.tsx";
import { rangeOf, readText, textOf } from "../src/parts/Code.tsx";
import { logicText, pathsOf, readNode, readValue, valueText, writeNode } from "../src/parts/logic.ts";

describe("conditions", () => {
  const CASES = [
    { "<": [{ var: "amount" }, 100] },
    { and: [{ "==": [{ var: ["district", "none"] }, "north"] }, { "!": [{ in: [{ var: "kind" }, ["a", "b"]] }] }] },
    { or: [{ and: [{ ">=": [{ var: "a.b" }, 1] }] }, { "!=": [{ var: "c" }, null] }] },
  ];
  it("come back from the form exactly as they went in", () => {
    for (const logic of CASES) {
      const node = readNode(logic);
      expect(node).toBeDefined();
      expect(writeNode(node as NonNullable<typeof node>)).toEqual(logic);
    }
  });

  it("that a form cannot hold are left alone", () => {
    const others = [
      { map: [{ var: "x" }, 1] },
      { "<": [1, { var: "a" }, 3] },
      { "!": { var: "a" } },
      { var: "a" },
      { "==": [{ var: "" }, 1] },
      { and: [] },
      { "<": [{ var: "a" }, { var: "b" }] },
      true,
      null,
      { a: 1, b: 2 },
    ];
    for (const logic of others) expect(readNode(logic), JSON.stringify(logic)).toBeUndefined();
  });

  it("are told as people write them", () => {
    expect(logicText(CASES[0])).toBe("amount < 100");
    expect(logicText(CASES[1])).toBe('(district = "north") and not (kind in ["a", "b"])');
    expect(logicText({ reduce: [{ var: "x" }, 1, 0] })).toBe("reduce(x, 1, 0)");
  });

  it("take values as JSON, else as words", () => {
    for (const value of [5, true, null, "north", "5 households", ["a", 1]])
      expect(readValue(valueText(value))).toEqual(value);
    expect(valueText("5")).toBe('"5"');
  });

  it("know the fields of the schema", () => {
    expect(pathsOf({ properties: { a: {}, b: { properties: { c: {} } } } })).toEqual(["a", "b", "b.c"]);
  });
});

describe("stages", () => {
  const stages = (...groups: (number | null)[]): Stage[] =>
    groups.map((parallel_group, at) => ({ name: `${at}`, stage_order: at + 1, parallel_group }));
  const groupsOf = (list: Stage[]) => list.map((stage) => stage.parallel_group ?? null);

  it("move, and are numbered anew", () => {
    const next = moved(stages(null, null, null), 2, 0);
    expect(next.map(({ name, stage_order }) => [name, stage_order])).toEqual([
      ["2", 1],
      ["0", 2],
      ["1", 3],
    ]);
  });

  it("go together with the one before and leave it again", () => {
    const joined = together(stages(null, null, null), 1, true);
    expect(isWithBefore(joined, 1)).toBe(true);
    expect(isWithBefore(joined, 2)).toBe(false);
    expect(isWithBefore(together(joined, 1, false), 1)).toBe(false);
  });

  it("that leave a group take along those after them", () => {
    const split = together(stages(1, 1, 1), 1, false);
    expect(isWithBefore(split, 1)).toBe(false);
    expect(isWithBefore(split, 2)).toBe(true);
    expect(groupsOf(split)[0]).toBe(1);
  });

  it("that are new come last", () => {
    expect(newStage(stages(null, null)).stage_order).toBe(3);
  });
});

describe("the document", () => {
  it("is the same as YAML and as JSON", () => {
    const value = { name: "a: b", stages: [{ skip_if: { "<": [{ var: "x" }, 1] }, on_breach: null }] };
    for (const format of ["yaml", "json"] as const) expect(readText(textOf(value, format))).toEqual({ value });
  });

  it("says why it is none", () => {
    expect(readText("a: [1").fault).toBeTruthy();
    expect(readText("a: 1\na: 2").fault).toMatch(/unique/i);
    expect(readText("- 1").fault).toBeTruthy();
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n`;
    expect(readText(bomb).fault).toBeTruthy();
  });

  it("shows problems where they are, or where what is missing belongs", () => {
    const text = "name: A\nstages:\n  - name: One\n    mode: al\n";
    const at = (pointer: string) => {
      const [from, to] = rangeOf(parseDocument(text), pointer) ?? [0, 0];
      return text.slice(from, to);
    };
    expect(at("/stages/0/mode")).toBe("al");
    expect(at("/stages/0/rules")).toContain("name: One");
    expect(at("/policy_key")).toBe("n");
    expect(pointerParts("/a~1b/0/c~0d")).toEqual(["a/b", 0, "c~d"]);
  });

  it("counts problems by stage", () => {
    const problem = (pointer: string) => ({ pointer, message: "", severity: "error" as const });
    expect([...problemCounts([problem("/stages/1/mode"), problem("/stages/1/rules/0"), problem("/name")])]).toEqual([
      [1, 2],
    ]);
  });

  it("suggests a context that the schema asks for", () => {
    expect(
      JSON.parse(exampleOf({ properties: { amount: { type: "number" }, who: { type: ["string", "null"] } } })),
    ).toEqual({ amount: 0, who: "" });
    expect(exampleOf(null)).toBe("{}");
  });
});
