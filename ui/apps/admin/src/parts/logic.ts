/** JSONLogic: as words, and as the part of it that a form can hold. What a form cannot hold stays as it is written. */

export type Logic = unknown;

export const COMPARISONS = ["==", "!=", "<", "<=", ">", ">=", "in"] as const;
export type Comparison = (typeof COMPARISONS)[number];

export type Node =
  | { kind: "all"; of: Node[] }
  | { kind: "any"; of: Node[] }
  | { kind: "not"; of: Node }
  | { kind: "compare"; op: Comparison; path: string; value: unknown; fallback?: unknown };

/** The form of an expression; undefined where a form would not give exactly the same expression back. */
export function readNode(logic: Logic, depth = 0): Node | undefined {
  if (depth > 6 || logic === null || typeof logic !== "object" || Array.isArray(logic)) return undefined;
  const entries = Object.entries(logic);
  const [op, argument] = entries[0] ?? [];
  if (entries.length !== 1 || op === undefined) return undefined;
  if (op === "and" || op === "or") {
    if (!Array.isArray(argument) || argument.length === 0) return undefined;
    const parts = argument.map((one) => readNode(one, depth + 1));
    return parts.every((one) => one !== undefined) ? { kind: op === "and" ? "all" : "any", of: parts } : undefined;
  }
  if (op === "!") {
    const inner = Array.isArray(argument) ? (argument.length === 1 ? argument[0] : undefined) : argument;
    const part = readNode(inner, depth + 1);
    const node: Node | undefined = part && { kind: "not", of: part };
    return node && same(writeNode(node), logic) ? node : undefined;
  }
  return readComparison(op, argument, logic);
}

function readComparison(op: string, argument: unknown, logic: Logic): Node | undefined {
  if (!(COMPARISONS as readonly string[]).includes(op) || !Array.isArray(argument) || argument.length !== 2)
    return undefined;
  const [left, value] = argument as [unknown, unknown];
  if (left === null || typeof left !== "object" || !("var" in left) || !isLiteral(value)) return undefined;
  const read = left.var;
  const path = Array.isArray(read) ? read[0] : read;
  if (typeof path !== "string" || path === "") return undefined;
  const node: Node = { kind: "compare", op: op as Comparison, path, value };
  if (Array.isArray(read) && read.length === 2) node.fallback = read[1];
  return same(writeNode(node), logic) ? node : undefined;
}

function isLiteral(value: unknown): boolean {
  if (Array.isArray(value)) return value.every((one) => one === null || typeof one !== "object");
  return value === null || typeof value !== "object";
}

export function writeNode(node: Node): Logic {
  if (node.kind === "all") return { and: node.of.map(writeNode) };
  if (node.kind === "any") return { or: node.of.map(writeNode) };
  if (node.kind === "not") return { "!": [writeNode(node.of)] };
  const read = node.fallback === undefined ? node.path : [node.path, node.fallback];
  return { [node.op]: [{ var: read }, node.value] };
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

const INFIX: Readonly<Record<string, string>> = {
  and: "and",
  or: "or",
  "==": "=",
  "===": "=",
  "!=": "≠",
  "!==": "≠",
  "<": "<",
  "<=": "≤",
  ">": ">",
  ">=": "≥",
  in: "in",
  "+": "+",
  "-": "−",
  "*": "×",
  "/": "÷",
  "%": "mod",
};

/** An expression on one line, as people write conditions. Formal, so that it is the same in every language. */
export function logicText(logic: Logic, isInner = false): string {
  if (logic === null || typeof logic !== "object") return JSON.stringify(logic) ?? "";
  if (Array.isArray(logic)) return `[${logic.map((one) => logicText(one)).join(", ")}]`;
  const [op, argument] = Object.entries(logic)[0] ?? [];
  if (op === undefined) return "{}";
  const parts = Array.isArray(argument) ? argument : [argument];
  if (op === "var" || op === "val") return parts.map(String).slice(0, 1).join("") || "·";
  if (op === "!") return `not ${logicText(parts[0], true)}`;
  const sign = INFIX[op];
  if (sign && parts.length > 1) {
    const text = parts.map((one) => logicText(one, true)).join(` ${sign} `);
    return isInner ? `(${text})` : text;
  }
  return `${op}(${parts.map((one) => logicText(one)).join(", ")})`;
}

/** What somebody typed for a value: JSON where it is JSON, else the words themselves. */
export function readValue(text: string): unknown {
  const wanted = text.trim();
  if (wanted === "") return "";
  try {
    const value: unknown = JSON.parse(wanted);
    if (isLiteral(value)) return value;
  } catch {
    // A word.
  }
  return wanted;
}

export function valueText(value: unknown): string {
  return typeof value === "string" && readValue(value) === value ? value : JSON.stringify(value);
}

/** Paths of a context that an expression may read, from its JSON Schema. */
export function pathsOf(schema: unknown, before = "", depth = 0): string[] {
  const properties = (schema as { properties?: Record<string, unknown> } | null | undefined)?.properties;
  if (!properties || depth > 4) return [];
  return Object.entries(properties).flatMap(([name, inner]) => {
    const path = before ? `${before}.${name}` : name;
    return [path, ...pathsOf(inner, path, depth + 1)];
  });
}
