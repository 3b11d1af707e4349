import type { User, UserManager } from "oidc-client-ts";
import { describe, expect, it, vi } from "vitest";
import { finishSignIn, oidcSession } from "../src/session/oidc.ts";
import { noteError, onSessionOver } from "../src/session/over.ts";
import { SessionEnded } from "../src/session/types.ts";

const user = (token: string, expires_in: number) =>
  ({ access_token: token, expires_in, profile: { sub: "s" } }) as unknown as User;

describe("a session", () => {
  it("renews once for all calls that wait", async () => {
    let answer: (user: User) => void = () => undefined;
    const signinSilent = vi.fn(() => new Promise<User>((resolve) => (answer = resolve)));
    const session = oidcSession({ signinSilent } as unknown as UserManager, user("old", 5));
    const calls = [session.token(), session.token(), session.token()];
    answer(user("new", 300));
    expect(await Promise.all(calls)).toEqual(["new", "new", "new"]);
    expect(await session.token()).toBe("new");
    expect(signinSilent).toHaveBeenCalledTimes(1);
  });

  it("says that it has ended, and may come back", async () => {
    const signinSilent = vi
      .fn()
      .mockRejectedValueOnce(new Error("login_required"))
      .mockResolvedValueOnce(user("new", 300));
    const session = oidcSession({ signinSilent } as unknown as UserManager, user("old", 0));
    await expect(session.token()).rejects.toBeInstanceOf(SessionEnded);
    expect(await session.token()).toBe("new");
  });

  it("goes back only to paths of these pages", async () => {
    const back = (state: unknown) =>
      finishSignIn({ signinRedirectCallback: async () => ({ state }) } as unknown as UserManager);
    expect(await back("/requests?status=approved")).toBe("/requests?status=approved");
    for (const state of ["https://elsewhere.example", "//elsewhere.example", undefined, "/signed-in?code=1"])
      expect(await back(state)).toBe("/");
  });

  it("is over when the server says so", () => {
    const act = vi.fn();
    const stop = onSessionOver(act);
    noteError(Object.assign(new Error("no"), { status: 401 }));
    noteError(new SessionEnded("over"));
    noteError(Object.assign(new Error("no"), { status: 403 }));
    stop();
    noteError(new SessionEnded("over"));
    expect(act).toHaveBeenCalledTimes(2);
  });
});
