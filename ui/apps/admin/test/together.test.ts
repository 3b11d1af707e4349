import { describe, expect, it } from "vitest";
import { together } from "../src/api/together.ts";

describe("questions that come together", () => {
  it("are asked as few, each key once, and everybody gets their answer", async () => {
    const calls: string[][] = [];
    const ask = together(async (keys: string[]) => {
      calls.push(keys);
      return new Map(keys.filter((key) => key !== "k7").map((key) => [key, key.toUpperCase()]));
    });
    const wanted = Array.from({ length: 120 }, (_, at) => `k${at % 110}`);
    const answers = await Promise.all(wanted.map(ask));
    expect(answers).toEqual(wanted.map((key) => (key === "k7" ? undefined : key.toUpperCase())));
    expect(calls.map((keys) => keys.length)).toEqual([50, 50, 10]);
    expect(new Set(calls.flat()).size).toBe(110);
  });

  it("fail for those alone whose call fails, and later ones are asked anew", async () => {
    let fails = true;
    const ask = together(async (keys: string[]) => {
      if (fails && keys.includes("k0")) throw new Error("away");
      return new Map(keys.map((key) => [key, key]));
    });
    const wanted = Array.from({ length: 60 }, (_, at) => ask(`k${at}`));
    const settled = await Promise.allSettled(wanted);
    expect(settled.filter(({ status }) => status === "rejected")).toHaveLength(50);
    fails = false;
    await expect(ask("k0")).resolves.toBe("k0");
  });
});
