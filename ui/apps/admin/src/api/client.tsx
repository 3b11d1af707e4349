/** The client of AWE for pages, and who its caller is. */

import { AweClient, type Schemas } from "@awe/client";
import { ErrorNote, LiveProvider, useSession } from "@awe/kit";
import { useQuery } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useMemo } from "react";

const ApiContext = createContext<AweClient | undefined>(undefined);
const MeContext = createContext<Me | undefined>(undefined);

/** Clicking waits less long than a program would: three attempts within half a minute. */
const RETRY = { attempts: 3, totalMs: 30_000, mostRetryAfterMs: 5_000 };

export function ApiProvider({ children }: { children: ReactNode }) {
  const { session } = useSession();
  const api = useMemo(() => new AweClient({ baseUrl: "", token: session.token, retry: RETRY }), [session]);
  return (
    // Somebody else signed in: nothing of the one before may be shown.
    <ApiContext value={api} key={session.subject}>
      <LiveProvider url="/v1/awe/stream" token={session.token}>
        <Known>{children}</Known>
      </LiveProvider>
    </ApiContext>
  );
}

export function useApi(): AweClient {
  const api = useContext(ApiContext);
  if (!api) throw new Error("no ApiProvider above");
  return api;
}

export type Me = Schemas["MeOut"];

/** Pages begin once it is known who looks at them: what a role may not see is never shown, not even for a moment. */
function Known({ children }: { children: ReactNode }) {
  const me = useWho();
  if (me.isError) {
    return (
      <main className="admin-alone">
        <ErrorNote error={me.error} onRetry={() => me.refetch()} />
      </main>
    );
  }
  return me.data ? <MeContext value={me.data}>{children}</MeContext> : null;
}

function useWho() {
  const api = useApi();
  const { session } = useSession();
  return useQuery({
    queryKey: ["me", session.subject],
    queryFn: ({ signal }) => api.call("me", {}, { signal }),
    staleTime: 60_000,
  });
}

/** Who the server says one is. Pages show what a role may see and leave out what it may not do. */
export function useMe(): Me {
  const me = useContext(MeContext);
  if (!me) throw new Error("no ApiProvider above");
  return me;
}
