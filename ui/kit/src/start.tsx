/** Begins an app: words, looks, who it is, then its pages. */

import "./mantine.ts";
import "./kit.css";
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { type AnyRouter, RouterProvider } from "@tanstack/react-router";
import { type ReactNode, StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { type Catalogues, Speaking } from "./i18n.tsx";
import { PreferencesProvider } from "./preferences.tsx";
import { noteError } from "./session/over.ts";
import { SessionProvider } from "./session/SessionProvider.tsx";
import type { DevelopmentUser, SignIn } from "./session/types.ts";
import { Themed } from "./theme.tsx";

/** Reads are tried again by the client of the API, which knows when that is safe. */
export function queries(): QueryClient {
  return new QueryClient({
    queryCache: new QueryCache({ onError: noteError }),
    mutationCache: new MutationCache({ onError: noteError }),
    defaultOptions: {
      queries: { retry: false, staleTime: 5_000, refetchOnWindowFocus: true },
      mutations: { retry: false },
    },
  });
}

interface App {
  title: string;
  catalogues: Catalogues;
  load: () => Promise<SignIn>;
  developmentUsers: DevelopmentUser[];
  /** What stands between the session and the pages: clients of APIs, news. */
  around: (pages: ReactNode) => ReactNode;
  router: AnyRouter;
}

export function start({ title, catalogues, load, developmentUsers, around, router }: App): void {
  const root = document.getElementById("root");
  if (!root) throw new Error("the page has no #root");
  document.documentElement.dataset.app = title;
  // Chunks of a build that is gone: the page is of before an upgrade, so take the new one, once.
  window.addEventListener("vite:preloadError", () => {
    if (sessionStorage.getItem("awe.reloaded")) return;
    sessionStorage.setItem("awe.reloaded", "yes");
    location.reload();
  });
  const client = queries();
  createRoot(root).render(
    <StrictMode>
      <Speaking catalogues={catalogues}>
        <Themed>
          <PreferencesProvider>
            <QueryClientProvider client={client}>
              <SessionProvider title={title} load={load} users={developmentUsers}>
                {around(<RouterProvider router={router} />)}
              </SessionProvider>
            </QueryClientProvider>
          </PreferencesProvider>
        </Themed>
      </Speaking>
    </StrictMode>,
  );
}
