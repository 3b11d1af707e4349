// The catalogues: every language has the same messages with the same values, each is used, and none is missing.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse, TYPE } from "@formatjs/icu-messageformat-parser";

const LOCALES = ["en", "fr", "ar", "hi"];
const faults = [];

function* sources(at) {
  for (const entry of readdirSync(at, { withFileTypes: true })) {
    const path = join(at, entry.name);
    if (entry.isDirectory() && entry.name !== "locales") yield* sources(path);
    else if (/\.tsx?$/.test(entry.name)) yield readFileSync(path, "utf8");
  }
}

/** The names of the values that a message takes. */
function valuesOf(elements, found = new Set()) {
  for (const element of elements) {
    if (element.type !== TYPE.literal && element.type !== TYPE.pound) found.add(element.value);
    for (const option of Object.values(element.options ?? {})) valuesOf(option.value, found);
  }
  return found;
}

function check(folder, users) {
  const catalogues = Object.fromEntries(
    LOCALES.map((one) => [one, JSON.parse(readFileSync(join(folder, `${one}.json`), "utf8"))]),
  );
  const text = users.flatMap((user) => [...sources(user)]).join("\n");
  for (const [id, message] of Object.entries(catalogues.en)) {
    const wanted = [...valuesOf(parse(message))].sort().join();
    for (const locale of LOCALES) {
      const said = catalogues[locale][id];
      if (typeof said !== "string" || said.trim() === "") {
        faults.push(`${folder}/${locale}.json: ${id} is missing`);
        continue;
      }
      try {
        const values = [...valuesOf(parse(said))].sort().join();
        if (values !== wanted) faults.push(`${folder}/${locale}.json: ${id} takes {${values}}, en takes {${wanted}}`);
      } catch (error) {
        faults.push(`${folder}/${locale}.json: ${id}: ${error.message}`);
      }
    }
    if (!isUsed(id, text)) faults.push(`${folder}/en.json: ${id} is not used`);
  }
  for (const locale of LOCALES) {
    for (const id of Object.keys(catalogues[locale])) {
      if (!(id in catalogues.en)) faults.push(`${folder}/${locale}.json: ${id} is not in en.json`);
    }
  }
}

/** Written out, or the end of an id that is put together, as in `state.${word}`. */
function isUsed(id, text) {
  if (text.includes(`"${id}"`)) return true;
  const parts = id.split(".");
  for (let length = parts.length - 1; length > 0; length--) {
    const before = parts.slice(0, length).join(".");
    if (text.includes(`\`${before}.\${`) || text.includes(`words(t, "${before}"`)) return true;
  }
  return false;
}

const apps = readdirSync("apps").map((name) => `apps/${name}/src`);
check("kit/src/locales", ["kit/src", ...apps]);
for (const app of apps) check(`${app}/locales`, [app]);
for (const fault of faults) console.error(fault);
console.log(`words: ${faults.length} faults`);
if (faults.length > 0) process.exit(1);
