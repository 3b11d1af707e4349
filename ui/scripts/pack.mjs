// After a build: compresses what is worth it beside the files, and writes a hash of all of them.
//
//   node scripts/pack.mjs apps/admin/dist

import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const WORTH_BYTES = 1024;
const TEXT = /\.(js|css|svg|html|txt)$/;

const folder = process.argv[2];
if (!folder) throw new Error("usage: node scripts/pack.mjs DIST");

function* files(at) {
  for (const entry of readdirSync(at, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(at, entry.name);
    if (entry.isDirectory()) yield* files(path);
    else if (!/\.(br|gz)$/.test(entry.name) && entry.name !== "hash.txt") yield path;
  }
}

const hash = createHash("sha256");
for (const path of files(folder)) {
  const bytes = readFileSync(path);
  hash.update(relative(folder, path)).update("\0").update(bytes).update("\0");
  // The page itself gets a nonce for each answer, so it is sent as it is.
  if (!TEXT.test(path) || path.endsWith("index.html") || bytes.length < WORTH_BYTES) continue;
  writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
  writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
}
const told = hash.digest("hex").slice(0, 16);
writeFileSync(join(folder, "hash.txt"), `${told}\n`);
console.log(`${folder}: ${told}`);
