/** What may be written at a place of a document, by the part of JSON Schema (2020-12) that published schemas use. */

import type { Completion } from "@codemirror/autocomplete";
import { isMap, isPair, isScalar, isSeq, type Node, parseDocument } from "yaml";

export interface Schema {
  description?: string;
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  allOf?: Schema[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  if?: Schema;
  then?: Schema;
  else?: Schema;
  $ref?: string;
  $defs?: Record<string, Schema>;
}

type Step = string | number;

export interface Place {
  /** The way from the root to what holds the place, for a key, or to the place itself, for a value. */
  path: Step[];
  isKey: boolean;
  /** The keys that are written there already. */
  taken: string[];
  /** The document as far as it can be read. */
  document: unknown;
}

/** Followed no further: a schema may lead to itself. */
const MOST_STEPS = 30;

/** Where in a text the word is that ends at `to` and begins at `from`. It may be empty: a word is thought of then. */
export function placeAt(text: string, from: number, to: number): Place | undefined {
  const word = from === to ? (isQuoted(text, from) || !isJson(text) ? "x" : '"x"') : "";
  const parsed = parseDocument(text.slice(0, from) + word + text.slice(from), { uniqueKeys: false });
  const found = parsed.contents && find(parsed.contents, from, []);
  if (!found) return undefined;
  try {
    return { ...found, document: parsed.toJS({ maxAliasCount: 100 }) };
  } catch {
    return { ...found, document: undefined };
  }
}

function find(node: Node, at: number, path: Step[]): Omit<Place, "document"> | undefined {
  if (path.length > MOST_STEPS || !holds(node, at)) return undefined;
  if (isScalar(node)) return { path, isKey: false, taken: [] };
  if (isSeq(node)) {
    const index = node.items.findIndex((item) => holds(item, at));
    return index < 0 ? undefined : find(node.items[index] as Node, at, [...path, index]);
  }
  if (!isMap(node)) return undefined;
  for (const pair of node.items) {
    const name = keyOf(pair);
    if (isScalar(pair.key) && holds(pair.key, at)) {
      return { path, isKey: true, taken: node.items.filter((other) => other !== pair).map(keyOf) };
    }
    const found = isPair(pair) && pair.value ? find(pair.value as Node, at, [...path, name]) : undefined;
    if (found) return found;
  }
  return undefined;
}

function keyOf(pair: { key: unknown }): string {
  return String(isScalar(pair.key) ? pair.key.value : pair.key);
}

function holds(node: unknown, at: number): boolean {
  const range = (node as Node | null)?.range;
  return !!range && range[0] <= at && at <= range[1];
}

/** Every schema that speaks of what is at a place, and what is there. */
export function schemasAt(root: Schema, place: Place): Schema[] {
  let value = place.document;
  let found = spread(root, root, value);
  for (const step of place.path) {
    value = value !== null && typeof value === "object" ? (value as Record<Step, unknown>)[step] : undefined;
    const below = (one: Schema) => (typeof step === "number" ? one.items : one.properties?.[step]);
    found = found.flatMap(below).flatMap((one) => (one ? spread(root, one, value) : []));
  }
  return found;
}

/** A schema and those that count together with it. */
function spread(root: Schema, schema: Schema, value: unknown, depth = 0): Schema[] {
  if (depth > MOST_STEPS) return [];
  const { $ref, allOf = [], anyOf = [], oneOf = [] } = schema;
  const named = $ref?.startsWith("#/$defs/") ? root.$defs?.[$ref.slice("#/$defs/".length)] : undefined;
  const chosen = schema.if && (fits(schema.if, value) ? schema.then : schema.else);
  const others = [named, ...allOf, ...anyOf, ...oneOf, chosen].filter((one) => one !== undefined);
  return [schema, ...others.flatMap((one) => spread(root, one, value, depth + 1))];
}

/** Whether a condition on the words of an object holds; what is not written yet speaks against none. */
function fits({ properties = {} }: Schema, value: unknown): boolean {
  const object = (value ?? {}) as Record<string, unknown>;
  return Object.entries(properties).every(([name, one]) => {
    const said = object[name];
    if (said === undefined) return true;
    return one.const !== undefined ? said === one.const : (one.enum?.includes(said) ?? true);
  });
}

/** What may be written for the word from `from` to `to`, best first as the schema has it. */
export function choicesAt(root: Schema, text: string, from: number, to: number): Completion[] {
  const place = placeAt(text, from, to);
  if (!place) return [];
  const schemas = schemasAt(root, place);
  const isBare = isQuoted(text, from);
  if (place.isKey) return keys(schemas, place.taken, isBare ? "bare" : isJson(text) ? "json" : "yaml");
  const values = schemas.flatMap(valuesOf);
  if (values.length > 0) return values.map((value) => valueChoice(value, isBare, isJson(text)));
  // The first key of an object that begins here; only where a line has room for one.
  const line = text.slice(text.lastIndexOf("\n", from - 1) + 1, from);
  return /^[\s-]*$/.test(line) && !isJson(text) ? keys(schemas, [], "yaml") : [];
}

function keys(schemas: Schema[], taken: string[], as: "yaml" | "json" | "bare"): Completion[] {
  const found = new Map<string, Completion>();
  for (const schema of schemas) {
    for (const [name, { description }] of Object.entries(schema.properties ?? {})) {
      if (taken.includes(name) || found.has(name)) continue;
      const apply = { yaml: `${name}: `, json: `"${name}": `, bare: name }[as];
      const isNeeded = schema.required?.includes(name);
      const info = description ? { info: description } : {};
      found.set(name, { label: name, type: "property", apply, boost: isNeeded ? 1 : 0, ...info });
    }
  }
  return [...found.values()];
}

function valuesOf({ enum: words, const: only, type }: Schema): unknown[] {
  if (words) return words;
  if (only !== undefined) return [only];
  return [type].flat().includes("boolean") ? [true, false] : [];
}

function valueChoice(value: unknown, isBare: boolean, asJson: boolean): Completion {
  const label = String(value);
  const apply = typeof value === "string" && asJson && !isBare ? JSON.stringify(value) : label;
  return { label, apply, type: "enum" };
}

function isJson(text: string): boolean {
  return text.trimStart().startsWith("{");
}

function isQuoted(text: string, from: number): boolean {
  return text[from - 1] === '"';
}
