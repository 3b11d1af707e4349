/** Sessions of development mode, where the server believes what a token says. */

import type { DevelopmentUser, Session } from "./types.ts";

const KEPT = "awe.development.user";
const LIFETIME_SECONDS = 12 * 3600;

export function keptUser(): DevelopmentUser | undefined {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? localStorage.getItem(KEPT) ?? "null");
    return kept && typeof kept.subject === "string" && Array.isArray(kept.roles) ? kept : undefined;
  } catch {
    return undefined;
  }
}

/** This tab is somebody else from now on, and tabs opened later begin as them. */
export function keepUser(user: DevelopmentUser | undefined): void {
  for (const store of [sessionStorage, localStorage]) {
    if (user) store.setItem(KEPT, JSON.stringify(user));
    else store.removeItem(KEPT);
  }
}

export function unsignedToken(user: DevelopmentUser, nowSeconds = Math.floor(Date.now() / 1000)): string {
  const claims = {
    sub: user.subject,
    name: user.name,
    iat: nowSeconds,
    exp: nowSeconds + LIFETIME_SECONDS,
    realm_access: { roles: user.roles },
  };
  return `${encoded({ alg: "none", typ: "JWT" })}.${encoded(claims)}.`;
}

function encoded(value: unknown): string {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

export function developmentSession(user: DevelopmentUser): Session {
  return {
    kind: "development",
    subject: user.subject,
    name: user.name,
    token: async () => unsignedToken(user),
    signOut: async () => {
      keepUser(undefined);
      location.reload();
    },
  };
}
