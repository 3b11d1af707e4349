/** Lints OpenAPI documents by the recommended rules of Redocly. `node contract.mjs FILE...`; fails on warnings too. */

import { createConfig, formatProblems, getTotals, lint } from "@redocly/openapi-core";

const config = await createConfig({
  extends: ["recommended"],
  // What stands in the data of a server-sent event (`ResumeOut`) can be named by no answer in OpenAPI 3.1.
  rules: { "no-unused-components": "off" },
});

for (const ref of process.argv.slice(2)) {
  const problems = await lint({ ref, config });
  const totals = getTotals(problems);
  formatProblems(problems, { format: "stylish", totals, maxProblems: 50 });
  if (totals.errors + totals.warnings > 0) process.exitCode = 1;
}
