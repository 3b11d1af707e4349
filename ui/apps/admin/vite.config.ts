import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { app } from "../../vite.shared.ts";
import { mock } from "./mock/plugin.ts";

const api = process.env.AWE_API ?? "http://127.0.0.1:8000";
const isMock = process.env.AWE_MOCK === "1";

export default defineConfig(() => {
  const base = app(fileURLToPath(new URL(".", import.meta.url)), { port: 5173, api: isMock ? {} : { "/v1/awe": api } });
  return isMock ? { ...base, plugins: [...(base.plugins ?? []), mock()] } : base;
});
