/** How to sign in here: the Registry says. */

import type { DevelopmentUser, SignIn } from "@awe/kit";
import { Registry } from "./client.tsx";

export async function loadSignIn(): Promise<SignIn> {
  const told = await new Registry().get<{ issuer: string | null; client_id: string | null; development: boolean }>(
    "/config",
  );
  return { issuer: told.issuer, clientId: told.client_id, development: told.development };
}

const director = (number: number): DevelopmentUser => ({
  subject: `director-${number}`,
  name: `director-${number}`,
  roles: ["changeRequest:decide"],
});

/** The people of the seeds. */
export const DEVELOPMENT_USERS: DevelopmentUser[] = [
  { subject: "staff-1", name: "staff-1", roles: ["changeRequest:create", "changeRequest:view"] },
  { subject: "officer-1", name: "officer-1", roles: ["changeRequest:decide"] },
  director(1),
  director(2),
  director(3),
  { subject: "registry-admin", name: "registry-admin", roles: ["changeRequest:approve"] },
];
