// Reads webhooks, one JSON object a line ({secret, headers, body: base64}), and prints one line for each: "ok", or why
// the published verifier refuses it. The only argument is the directory that holds node_modules.
"use strict";

const { createRequire } = require("node:module");
const path = require("node:path");
const readline = require("node:readline");

const { Webhook } = createRequire(path.join(process.argv[2], "from-here"))("standardwebhooks");

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const { secret, headers, body } = JSON.parse(line);
  try {
    new Webhook(secret).verify(Buffer.from(body, "base64").toString("utf8"), headers);
    console.log("ok");
  } catch (error) {
    console.log(`${error.name}: ${error.message}`);
  }
});
