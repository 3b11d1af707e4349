/** How to sign in here: the server says. */

import { AweClient } from "@awe/client";
import type { DevelopmentUser, SignIn } from "@awe/kit";

export async function loadSignIn(): Promise<SignIn> {
  const open = new AweClient({ baseUrl: "" });
  const { response } = await open.call("config", {});
  const told = (response.sign_in ?? {}) as { issuer?: string | null; client_id?: string | null; development?: boolean };
  return { issuer: told.issuer ?? null, clientId: told.client_id ?? null, development: told.development === true };
}

/** The people of examples/directory.yaml, which `awe dev` knows. */
export const DEVELOPMENT_USERS: DevelopmentUser[] = [
  { subject: "admin", name: "Ada Admin", roles: ["AWE_ADMIN"] },
  { subject: "auditor", name: "Ola Auditor", roles: ["AWE_VIEWER"] },
  { subject: "amina", name: "Amina Okafor", roles: [] },
  { subject: "badru", name: "Badru Mwangi", roles: [] },
  { subject: "chidi", name: "Chidi Eze", roles: [] },
  { subject: "dalia", name: "Dalia Haddad", roles: [] },
  { subject: "hana", name: "Hana Tesfaye", roles: [] },
  { subject: "director", name: "Dina Director", roles: [] },
];
