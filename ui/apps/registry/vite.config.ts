import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { app } from "../../vite.shared.ts";

const api = process.env.REGISTRY_API ?? "http://127.0.0.1:8010";

export default defineConfig(
  app(fileURLToPath(new URL(".", import.meta.url)), { port: 5174, api: { "/v1/registry": api } }),
);
