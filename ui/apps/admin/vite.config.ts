import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { app } from "../../vite.shared.ts";

const api = process.env.AWE_API ?? "http://127.0.0.1:8000";

export default defineConfig(app(fileURLToPath(new URL(".", import.meta.url)), { port: 5173, api: { "/v1/awe": api } }));
