/** Calls of the Registry, and who its caller is. */

import { ErrorNote, LiveProvider, useSession } from "@awe/kit";
import { useQuery } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useMemo } from "react";
import type { Me } from "./types.ts";

const TIMEOUT_MS = 35_000;
const BASE = "/v1/registry";

/** A refusal in the envelope of the Registry; without `status` no answer came. */
export class RegistryError extends Error {
  override name = "RegistryError";
  constructor(
    message: string,
    readonly status?: number,
    readonly code?: string,
  ) {
    super(message);
  }
}

export interface Listed<Item> {
  items: Item[];
  nextCursor: string | undefined;
}

type Query = Record<string, string | number | undefined>;

export class Registry {
  constructor(private readonly token?: () => Promise<string>) {}

  async get<Value>(path: string, signal?: AbortSignal): Promise<Value> {
    return (await this.#send(path, { method: "GET", signal })).value as Value;
  }

  async list<Item>(path: string, query: Query, signal?: AbortSignal): Promise<Listed<Item>> {
    const words = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) if (value !== undefined) words.set(name, String(value));
    const { value, headers } = await this.#send(`${path}?${words}`, { method: "GET", signal });
    return { items: value as Item[], nextCursor: headers.get("x-next-cursor") ?? undefined };
  }

  async post<Value>(path: string, body: object): Promise<Value> {
    return (await this.#send(path, { method: "POST", body: JSON.stringify(body) })).value as Value;
  }

  async #send(path: string, init: RequestInit): Promise<{ value: unknown; headers: Headers }> {
    const headers = new Headers({ accept: "application/json" });
    if (init.body) headers.set("content-type", "application/json");
    const token = await this.token?.();
    if (token) headers.set("authorization", `Bearer ${token}`);
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    const signal = init.signal ? AbortSignal.any([init.signal, timeout]) : timeout;
    let answer: Response;
    let text: string;
    try {
      answer = await fetch(BASE + path, { ...init, headers, signal });
      text = await answer.text();
    } catch (cause) {
      if (init.signal?.aborted) throw cause;
      throw new RegistryError(cause instanceof Error ? cause.message : String(cause));
    }
    const told = readJson(text);
    if (answer.ok) return { value: told, headers: answer.headers };
    const { errorCode, message } = (told ?? {}) as { errorCode?: string; message?: string };
    throw new RegistryError(message ?? answer.statusText, answer.status, errorCode);
  }
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const ApiContext = createContext<Registry | undefined>(undefined);

export function ApiProvider({ children }: { children: ReactNode }) {
  const { session } = useSession();
  const api = useMemo(() => new Registry(session.token), [session]);
  return (
    // Somebody else signed in: nothing of the one before may be shown.
    <ApiContext value={api} key={session.subject}>
      <LiveProvider token={session.token}>
        <Known>{children}</Known>
      </LiveProvider>
    </ApiContext>
  );
}

export function useApi(): Registry {
  const api = useContext(ApiContext);
  if (!api) throw new Error("no ApiProvider above");
  return api;
}

/** Pages begin once it is known who looks at them: what a role may not do is never shown, not even for a moment. */
function Known({ children }: { children: ReactNode }) {
  const me = useWho();
  if (me.isError) {
    return (
      <main className="portal-alone">
        <ErrorNote error={me.error} onRetry={() => me.refetch()} />
      </main>
    );
  }
  return me.data ? children : null;
}

function useWho() {
  const api = useApi();
  const { session } = useSession();
  return useQuery({
    queryKey: ["me", session.subject],
    queryFn: ({ signal }) => api.get<Me>("/me", signal),
    staleTime: 60_000,
  });
}

/** Who the Registry says one is, and whether one may. */
export function useMe(): { subject: string; may: (what: "create" | "view" | "decide" | "approve") => boolean } {
  const { session } = useSession();
  const { data } = useWho();
  return {
    subject: data?.subject ?? session.subject,
    may: (what) => data?.permissions.includes(`changeRequest:${what}`) ?? false,
  };
}
