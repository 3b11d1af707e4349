/**
 * Sessions by OpenID Connect: authorization code with PKCE. Tokens live in sessionStorage, one set for each tab, so that
 * tabs do not race for one refresh token; a new tab goes by the provider's own session and asks nobody anything.
 */

import { type User, UserManager, WebStorageStateStore } from "oidc-client-ts";
import { type Session, SessionEnded } from "./types.ts";

/** A token is renewed when it has less than this left. */
const SPARE_SECONDS = 30;
export const CALLBACK = "/signed-in";

export function manager(issuer: string, clientId: string): UserManager {
  const home = location.origin;
  return new UserManager({
    authority: issuer,
    client_id: clientId,
    redirect_uri: `${home}${CALLBACK}`,
    post_logout_redirect_uri: `${home}/`,
    response_type: "code",
    scope: "openid profile email",
    userStore: new WebStorageStateStore({ store: sessionStorage }),
    stateStore: new WebStorageStateStore({ store: sessionStorage }),
    // Renewed when a call needs it, by one promise at a time: see `token`.
    automaticSilentRenew: false,
    monitorSession: false,
    requestTimeoutInSeconds: 10,
  });
}

/** Goes to the provider; the page that was open is where it comes back to. */
export async function signIn(users: UserManager): Promise<void> {
  await users.signinRedirect({ state: `${location.pathname}${location.search}${location.hash}` });
}

/** Ends the way back from the provider. Returns where to go on, always a path of these pages. */
export async function finishSignIn(users: UserManager): Promise<string> {
  const user = await users.signinRedirectCallback();
  const wanted = typeof user.state === "string" ? user.state : "/";
  return wanted.startsWith("/") && !wanted.startsWith("//") && !wanted.startsWith(CALLBACK) ? wanted : "/";
}

export function oidcSession(users: UserManager, first: User): Session {
  let user = first;
  let renewing: Promise<User> | undefined;
  const renew = async (): Promise<User> => {
    const renewed = await users.signinSilent().catch(() => null);
    if (!renewed) throw new SessionEnded("the session has ended");
    return renewed;
  };
  return {
    kind: "oidc",
    subject: first.profile.sub,
    name: first.profile.name ?? first.profile.preferred_username,
    token: async () => {
      if ((user.expires_in ?? 0) > SPARE_SECONDS) return user.access_token;
      renewing ??= renew().finally(() => {
        renewing = undefined;
      });
      user = await renewing;
      return user.access_token;
    },
    signOut: () => users.signoutRedirect(),
  };
}
