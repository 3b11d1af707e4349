import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: {
    alias: {
      "@awe/client/approval": here("../clients/typescript/src/approval/index.ts"),
      "@awe/client": here("../clients/typescript/src/index.ts"),
      "@awe/kit": here("kit/src/index.ts"),
    },
  },
  test: { include: ["{kit,apps}/**/*.test.{ts,tsx}"], environment: "happy-dom", restoreMocks: true },
});
