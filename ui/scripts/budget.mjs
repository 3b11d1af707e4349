// How much a browser fetches before it shows the page where most people arrive, against the bounds; fails when one is passed.
//
//   node scripts/budget.mjs apps/admin/dist Inbox

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const [folder, arrival] = process.argv.slice(2);
if (!folder || !arrival) throw new Error("usage: node scripts/budget.mjs DIST PAGE");
const KB = 1000;
const MOST_FIRST = 250 * KB;
const MOST_CHUNK = 150 * KB;

const gzipped = (path) => gzipSync(readFileSync(path), { level: 9 }).length;
const page = readFileSync(join(folder, "index.html"), "utf8");
const manifest = JSON.parse(readFileSync(join(folder, ".vite", "manifest.json"), "utf8"));
/** What the page names, and what it and the page of arrival need. */
const needed = new Set([...page.matchAll(/(?:src|href)="\/([^"]+)"/g)].map((found) => found[1]));
const need = (key) => {
  const { file, css = [], imports = [] } = manifest[key];
  for (const name of css) needed.add(name);
  if (needed.has(file) && key !== "index.html") return;
  needed.add(file);
  for (const other of imports) need(other);
};
for (const key of Object.keys(manifest))
  if (key === "index.html" || new RegExp(`(^|[/_])${arrival}[-.]`).test(key)) need(key);
const named = [...needed];
const assets = readdirSync(join(folder, "assets")).filter((name) => /\.(js|css)$/.test(name));
// One language of each catalogue comes first too: the largest of them counts.
const texts = ["en", "fr", "ar", "hi"].map((locale) => {
  const own = assets.filter((name) => name.startsWith(`${locale}-`));
  return { locale, bytes: own.reduce((sum, name) => sum + gzipped(join(folder, "assets", name)), 0) };
});
const largest = texts.reduce((one, other) => (other.bytes > one.bytes ? other : one));
const rows = [
  ["index.html", gzipped(join(folder, "index.html"))],
  ...named.map((name) => [name, gzipped(join(folder, name))]),
  [`messages (${largest.locale})`, largest.bytes],
];
const total = rows.reduce((sum, [, bytes]) => sum + bytes, 0);
for (const [name, bytes] of rows) console.log(`  ${String(name).padEnd(40)} ${(bytes / KB).toFixed(1).padStart(8)} kB`);
console.log(`first load, gzip: ${(total / KB).toFixed(1)} kB of ${MOST_FIRST / KB} kB`);
const first = new Set(named.map((name) => name.replace("assets/", "")));
const large = assets.filter((name) => !first.has(name) && gzipped(join(folder, "assets", name)) > MOST_CHUNK);
for (const name of large) console.log(`larger than ${MOST_CHUNK / KB} kB: ${name}`);
if (total > MOST_FIRST || large.length > 0) process.exit(1);
