import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { choicesAt, type Schema } from "../src/parts/complete.ts";

const POLICY = JSON.parse(readFileSync("../schemas/policy.schema.json", "utf8")) as Schema;

/** What is offered where `|` stands in a text, and what the first of it makes of the text. */
function offered(marked: string, schema = POLICY) {
  const to = marked.indexOf("|");
  const text = marked.replace("|", "");
  const from = to - (/[\w-]*$/.exec(text.slice(0, to))?.[0].length ?? 0);
  const choices = choicesAt(schema, text, from, to);
  const [first] = choices;
  return {
    labels: choices.map(({ label }) => label),
    first: first ? text.slice(0, from) + String(first.apply) + text.slice(to) : undefined,
  };
}

const STAGE = "policy_key: a\nstages:\n  - name: One\n    stage_order: 1\n";

describe("what is offered in a policy", () => {
  it("is what is still missing at the root", () => {
    const { labels } = offered("policy_key: a\n|");
    expect(labels).toContain("artifact_type");
    expect(labels).not.toContain("policy_key");
    expect(labels).not.toContain("mode");
    expect(offered("policy_key: a\nnam|\n").labels).toEqual(offered("policy_key: a\n|").labels);
  });

  it("is what a stage has, within a stage", () => {
    const { labels } = offered(`${STAGE}    |`);
    expect(labels).toContain("mode");
    expect(labels).not.toContain("stage_order");
    expect(labels).not.toContain("artifact_type");
    expect(offered("stages:\n  - |").labels).toContain("stage_order");
    expect(offered("stages:\n  - na|").first).toBe("stages:\n  - comment_required: ");
  });

  it("is what a field may say, behind its name", () => {
    expect(offered(`${STAGE}    mode: |`).labels).toEqual(["all", "any-n", "quorum", "percentage"]);
    expect(offered(`${STAGE}    mode: any|`).first).toBe(`${STAGE}    mode: all`);
    expect(offered(`${STAGE}    on_breach: |`).labels).toContain("null");
    expect(offered("forbid_self_approval: |").labels).toEqual(["true", "false"]);
    expect(offered("name: |").labels).toEqual([]);
  });

  it("is what this kind of rule has", () => {
    const rule = (type: string) => `${STAGE}    rules:\n      - rule_type: ${type}\n        rule_value:\n          |`;
    expect(offered(rule("group")).labels).toEqual(["group", "include_subgroups"]);
    expect(offered(rule("user")).labels).toEqual(["user_id"]);
    expect(offered(`${STAGE}    rules:\n      - rule_value:\n          |`).labels).toContain("url");
  });

  it("is the same in JSON, in its own writing", () => {
    const stage = (text: string) => `{"policy_key": "a", "stages": [{"name": "One", ${text}}]}`;
    expect(offered(stage("|")).first).toBe(stage('"comment_required": '));
    expect(offered(stage('"mo|"')).first).toBe(stage('"comment_required"'));
    expect(offered(stage('"mode": "|"')).first).toBe(stage('"mode": "all"'));
    expect(offered(stage('"mode": |')).first).toBe(stage('"mode": "all"'));
    expect(offered(stage('"parallel_group": |')).labels).toEqual([]);
  });

  it("is nothing where the schema knows nothing", () => {
    expect(offered("context_schema:\n  |").labels).toEqual([]);
    expect(offered("|").labels).toContain("policy_key");
    expect(offered("a: [|").labels).toEqual([]);
    expect(offered("{{{{|").labels).toEqual([]);
  });

  it("ends with a schema that leads to itself", () => {
    const self: Schema = { $ref: "#/$defs/a", $defs: { a: { allOf: [{ $ref: "#/$defs/a" }], properties: { b: {} } } } };
    expect(offered("|", self).labels).toEqual(["b"]);
  });
});
