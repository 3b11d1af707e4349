/** What the builds of all apps have in common. */

import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import type { UserConfig } from "vite";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Written into the page by the build; whoever serves the page puts a nonce of its own there, anew for each answer. */
export const NONCE = "AWE_CSP_NONCE";

/** The configuration of an app whose pages are in `root`; `api` is where its API listens while it is developed. */
export function app(root: string, { port, api }: { port: number; api: Record<string, string> }): UserConfig {
  return {
    root,
    publicDir: here("kit/public"),
    plugins: [react()],
    resolve: {
      alias: {
        // The longer name first: the shorter one would take its beginning.
        "@awe/client/approval": here("../clients/typescript/src/approval/index.ts"),
        "@awe/client": here("../clients/typescript/src/index.ts"),
        "@awe/kit": here("kit/src/index.ts"),
      },
    },
    html: { cspNonce: NONCE },
    build: {
      outDir: `${root}/dist`,
      emptyOutDir: true,
      // Nothing is inlined: the policy of the page allows no data: but for pictures.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      target: "es2022",
      // `light-dark()` and logical sides are the browser's own: older ones would need more than a rewriting of colours.
      cssTarget: ["chrome123", "firefox121", "safari17.5"],
      sourcemap: false,
      // Says which file needs which: the budget is counted by it.
      manifest: true,
    },
    server: {
      port,
      host: "127.0.0.1",
      strictPort: false,
      proxy: Object.fromEntries(Object.entries(api).map(([path, target]) => [path, { target }])),
    },
  };
}
