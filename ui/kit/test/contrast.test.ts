import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

/** Words and lines that mean something, on the grounds that they stand on. */
const GROUNDS = { light: "#ffffff", dark: "#242424" };
const WORDS = ["good", "bad", "warn", "busy", "quiet"];

function luminance(colour: string): number {
  const parts = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255);
  const [red = 0, green = 0, blue = 0] = parts.map((part) =>
    part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4,
  );
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

export function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

describe("colours of states", () => {
  const css = readFileSync("kit/src/kit.css", "utf8");
  it.each(WORDS)("%s has 4.5:1 in light and dark", (name) => {
    const found = new RegExp(`--kit-${name}: light-dark\\((#[0-9a-f]{6}), (#[0-9a-f]{6})\\)`).exec(css);
    expect(contrast(found?.[1] ?? "", GROUNDS.light)).toBeGreaterThanOrEqual(4.5);
    expect(contrast(found?.[2] ?? "", GROUNDS.dark)).toBeGreaterThanOrEqual(4.5);
  });
});
