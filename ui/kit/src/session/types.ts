/** Who uses the page. */

export interface Session {
  kind: "development" | "oidc";
  subject: string;
  name: string | undefined;
  /** A token that is still good for some seconds. Rejects with SessionEnded when there is none to be had. */
  token: () => Promise<string>;
  signOut: () => Promise<void>;
}

/** What a page has to know to sign somebody in; the server tells it, so that one bundle serves everywhere. */
export interface SignIn {
  issuer: string | null;
  clientId: string | null;
  /** Tokens are not verified: whoever uses the page says who they are. */
  development: boolean;
}

/** Somebody to be in development mode. */
export interface DevelopmentUser {
  subject: string;
  name: string;
  roles: string[];
}

export class SessionEnded extends Error {
  override name = "SessionEnded";
}
