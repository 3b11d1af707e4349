/** Signs somebody in before anything else is shown, and says so when the session ends without losing what is open. */

import { Button, Center, Loader, Stack, Text, Title } from "@mantine/core";
import type { User, UserManager } from "oidc-client-ts";
import {
  createContext,
  lazy,
  type ReactNode,
  Suspense,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useState,
} from "react";
import { useTranslate } from "../i18n.tsx";
import { developmentSession, keepUser, keptUser } from "./development.ts";
import { onSessionOver } from "./over.ts";
import type { DevelopmentUser, Session, SignIn } from "./types.ts";

interface Provided {
  session: Session;
  signIn: SignIn;
  users: DevelopmentUser[];
  become: (user: DevelopmentUser) => void;
}

const SignInAs = lazy(() => import("./SignInAs.tsx").then(({ SignInAs }) => ({ default: SignInAs })));

const SessionOver = lazy(() => import("./SessionOver.tsx").then(({ SessionOver }) => ({ default: SessionOver })));

const SessionContext = createContext<Provided | undefined>(undefined);

export function useSession(): Provided {
  const provided = useContext(SessionContext);
  if (!provided) throw new Error("no SessionProvider above");
  return provided;
}

interface Props {
  title: string;
  load: () => Promise<SignIn>;
  /** Who is offered in development mode. */
  users: DevelopmentUser[];
  children: ReactNode;
}

type State =
  | { is: "loading" }
  | { is: "failed"; why: string }
  | { is: "asking"; signIn: SignIn }
  | { is: "in"; signIn: SignIn; session: Session; manager?: UserManager };

export function SessionProvider({ title, load, users, children }: Props) {
  const t = useTranslate();
  const [state, setState] = useState<State>({ is: "loading" });
  const [isOver, setOver] = useState(false);
  const begin = useCallback(() => {
    setState({ is: "loading" });
    start(load).then(setState, (error: Error) => setState({ is: "failed", why: error.message }));
  }, [load]);
  useEffect(begin, [begin]);
  const become = useCallback((user: DevelopmentUser) => {
    keepUser(user);
    setState((now) => ("signIn" in now ? { is: "in", signIn: now.signIn, session: developmentSession(user) } : now));
  }, []);
  useEffect(() => onSessionOver(() => setOver(true)), []);
  const provided = useMemo(
    () => (state.is === "in" ? { session: state.session, signIn: state.signIn, users, become } : undefined),
    [state, users, become],
  );
  if (state.is === "failed") {
    return (
      <Notice title={t("session.failed")}>
        <Text role="alert">{t("session.failed.why", { why: state.why })}</Text>
        <Button onClick={begin}>{t("action.tryAgain")}</Button>
      </Notice>
    );
  }
  if (state.is === "asking") {
    return (
      <Suspense>
        <SignInAs title={title} users={users} onChoose={become} />
      </Suspense>
    );
  }
  if (!provided || state.is !== "in") {
    return (
      <Center mih="100vh">
        <Loader aria-label={t("session.loading")} />
      </Center>
    );
  }
  return (
    <SessionContext value={provided}>
      {children}
      {isOver && (
        <Suspense>
          <SessionOver onStay={() => setOver(false)} onSignIn={() => again(state.manager)} />
        </Suspense>
      )}
    </SessionContext>
  );
}

async function again(manager: UserManager | undefined): Promise<void> {
  if (!manager) return location.reload();
  const { signIn } = await import("./oidc.ts");
  await signIn(manager);
}

/** OIDC where it is configured, else somebody chosen in development mode. Never resolves when the page goes away. */
async function start(load: () => Promise<SignIn>): Promise<State> {
  const signIn = await load();
  if (!signIn.issuer || !signIn.clientId) {
    if (!signIn.development) throw new Error("keycloak.issuer, keycloak.browser_client_id");
    const kept = keptUser();
    return kept ? { is: "in", signIn, session: developmentSession(kept) } : { is: "asking", signIn };
  }
  const oidc = await import("./oidc.ts");
  const manager = oidc.manager(signIn.issuer, signIn.clientId);
  if (location.pathname === oidc.CALLBACK) {
    const target = await oidc.finishSignIn(manager).catch(() => "/");
    history.replaceState(null, "", target);
  }
  const kept: User | null = await manager.getUser();
  // Nothing is on the page yet that could be lost, so whoever cannot be renewed signs in again at once.
  const user = kept?.expired ? await manager.signinSilent().catch(() => null) : kept;
  if (!user) {
    await oidc.signIn(manager);
    return new Promise(() => undefined);
  }
  return { is: "in", signIn, session: oidc.oidcSession(manager, user), manager };
}

function Notice({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Center mih="100vh" p="md" component="main">
      <Stack maw={480}>
        <Title order={1} size="h3">
          {title}
        </Title>
        {children}
      </Stack>
    </Center>
  );
}
