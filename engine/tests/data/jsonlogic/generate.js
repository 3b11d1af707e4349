// Writes reference.json: generated expressions, and what json-logic-js, the reference implementation, answers.
//   npm install json-logic-js@2.0.5 && node generate.js > reference.json
"use strict";
const jsonLogic = require("json-logic-js");

const CASES = 2000;
const DEPTH = 3;

// The differences that docs/policies.md lists, one by one; everything else is the reference implementation's.
function fail() { throw new Error("a failure here"); }
const primitive = (value) => (Array.isArray(value) ? String(value) : value);

// 1. "Not a number" is a failure, wherever JavaScript would go on with it.
function ordered(holds) {
  return (...values) => {
    const pair = (a, b) => {
      [a, b] = [primitive(a), primitive(b)];
      const texts = typeof a === "string" && typeof b === "string";
      if (!texts && (Number.isNaN(Number(a)) || Number.isNaN(Number(b)))) fail();
      return holds(a, b);
    };
    const [a, b, c] = values;
    return pair(a, b) && (c === undefined || pair(b, c));
  };
}
function written(value) {
  value = primitive(value);
  if (typeof value === "string" && /^\s*[-+.eE0-9]+\s*$/.test(value) && !Number.isNaN(Number(value))) return Number(value);
  return typeof value === "number" ? value : fail();
}
function number(value) { return Number.isNaN(Number(value)) ? fail() : Number(value); }
function finite(value) { return Number.isFinite(value) ? value : fail(); }
const arithmetic = {
  "+": (...values) => values.map(written).reduce((a, b) => a + b, 0),
  // 2. One factor alone is a number, too.
  "*": (...values) => values.map(written).reduce((a, b) => a * b),
  "-": (a, b) => (b === undefined ? -number(a) : number(a) - number(b)),
  "/": (a, b) => number(a) / number(b),
  "%": (a, b) => number(a) % number(b),
  max: (...values) => Math.max(...values.map(number)),
  min: (...values) => Math.min(...values.map(number)),
};
for (const [name, operation] of Object.entries(arithmetic)) {
  jsonLogic.add_operation(name, (...values) => finite(operation(...values)));
}
jsonLogic.add_operation("<", ordered((a, b) => a < b));
jsonLogic.add_operation("<=", ordered((a, b) => a <= b));
jsonLogic.add_operation(">", (a, b) => ordered((a, b) => a > b)(a, b));
jsonLogic.add_operation(">=", (a, b) => ordered((a, b) => a >= b)(a, b));

// 3. Lists are equal when they hold the same.
const same = (a, b) =>
  Array.isArray(a) && Array.isArray(b) ? a.length === b.length && a.every((item, i) => same(item, b[i])) : a === b;
const loosely = (a, b) => (Array.isArray(a) && Array.isArray(b) ? same(a, b) : a == b);
jsonLogic.add_operation("===", same);
jsonLogic.add_operation("!==", (a, b) => !same(a, b));
jsonLogic.add_operation("==", loosely);
jsonLogic.add_operation("!=", (a, b) => !loosely(a, b));

// 4. The default of `var` stands for null, too.
jsonLogic.add_operation("var", function (path, otherwise) {
  if (path === undefined || path === "" || path === null) {
    // 6. What `reduce` works on has no value as a whole.
    const fold = this !== null && typeof this === "object" && "accumulator" in this;
    return fold ? fail() : this;
  }
  let data = this;
  for (const name of String(path).split(".")) data = data === null || data === undefined ? null : data[name];
  return data === undefined || data === null ? (otherwise === undefined ? null : otherwise) : data;
});

// 5. Null has no text.
const membership = (part, whole) => {
  if (typeof whole === "string") return part !== null && whole !== "" && whole.includes(String(part));
  return Array.isArray(whole) && whole.some((item) => same(part, item));
};
jsonLogic.add_operation("in", membership);
jsonLogic.add_operation("substr", (source, start, length) => {
  if (source === null) fail();
  const rest = String(source).substr(start);
  if (length === undefined) return rest;
  return length < 0 ? rest.substr(0, Math.max(0, rest.length + length)) : rest.substr(0, length);
});

// A small generator of our own, so that the same cases come out everywhere (mulberry32).
let state = 20260131;
function random() {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}
const below = (n) => Math.floor(random() * n);
const pick = (list) => list[below(list.length)];
const many = (least, most, make) => Array.from({ length: least + below(most - least + 1) }, make);

const LITERALS = [null, true, false, 0, 1, -1, 2, 3.5, 100, "", "0", "1", "a", "abc", " 7 ", "x y", "3.5", "1e2"];
const PATHS = ["a", "b", "list", "list.0", "list.9", "nested.x", "nested.y.z", "nested.none", "empty", "nothing", "gone", "text"];
const INNER = ["", "a", "x", "current", "accumulator", "gone"];

function literal() {
  return below(6) === 0 ? many(0, 3, () => pick(LITERALS)) : pick(LITERALS);
}

function expression(depth, paths) {
  if (depth === 0 || below(5) === 0) {
    return below(2) ? literal() : { var: pick(paths) };
  }
  const sub = () => expression(depth - 1, paths);
  const inner = () => expression(depth - 1, INNER);
  const operator = pick([
    "var", "missing", "missing_some", "if", "?:", "and", "or", "!", "!!", "==", "===", "!=", "!==", "<", "<=", ">",
    ">=", "max", "min", "+", "-", "*", "/", "%", "map", "filter", "reduce", "all", "some", "none", "merge", "in",
    "cat", "substr",
  ]);
  switch (operator) {
    case "var": return below(2) ? { var: [pick(paths), literal()] } : { var: [pick(paths)] };
    case "missing": return { missing: many(0, 3, () => pick(paths)) };
    case "missing_some": return { missing_some: [below(4), many(0, 4, () => pick(paths))] };
    case "if": case "?:": return { [operator]: many(1, 5, sub) };
    case "and": case "or": return { [operator]: many(1, 3, sub) };
    case "!": case "!!": return { [operator]: [sub()] };
    case "<": case "<=": return { [operator]: many(2, 3, sub) };
    case "max": case "min": case "+": case "*": return { [operator]: many(1, 3, sub) };
    case "-": return { "-": many(1, 2, sub) };
    case "map": case "filter": case "all": case "some": case "none":
      return { [operator]: [below(3) ? { var: "list" } : sub(), inner()] };
    case "reduce": return { reduce: [below(3) ? { var: "list" } : sub(), inner(), sub()] };
    case "merge": case "cat": return { [operator]: many(0, 3, sub) };
    case "substr": return { substr: [sub(), below(9) - 4, ...many(0, 1, () => below(9) - 4)] };
    default: return { [operator]: [sub(), sub()] };
  }
}

const CONTEXTS = [
  { a: 1, b: "2", list: [1, 2, 3], nested: { x: 5, y: { z: "deep" }, none: null }, empty: "", nothing: null, text: "abc" },
  { a: 0, b: "abc", list: ["a", "", "abc", 0], nested: { x: "5", y: {} }, empty: "", nothing: null, text: "7" },
  { a: -2.5, b: true, list: [], nested: {}, text: "" },
];

// JSON has no `undefined`; null stands for it.
function answer(value) {
  if (value === undefined) return null;
  if (Array.isArray(value)) return value.map(answer);
  return value;
}

const lines = [];
const seen = new Set();
while (lines.length < CASES) {
  const rule = expression(DEPTH, PATHS);
  const context = below(CONTEXTS.length);
  const key = JSON.stringify([rule, context]);
  if (seen.has(key)) continue;
  seen.add(key);
  let outcome;
  try {
    outcome = { is: answer(jsonLogic.apply(rule, CONTEXTS[context])) };
  } catch (error) {
    outcome = { fails: true };
  }
  lines.push(JSON.stringify({ rule, context, ...outcome }));
}
console.log(`{"contexts": ${JSON.stringify(CONTEXTS)},\n"cases": [\n${lines.join(",\n")}\n]}`);
