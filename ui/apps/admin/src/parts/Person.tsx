/** People by name. Ids of subjects are long and mean nothing; the name is asked of the directory. */

import type { AweClient, Schemas } from "@awe/client";
import { Copy } from "@awe/kit";
import { useQuery } from "@tanstack/react-query";
import { useApi, useMe } from "../api/client.tsx";
import { together } from "../api/together.ts";
import { useT } from "../api/words.ts";

export type User = Schemas["DirectoryUserOut"];

/** Names of the people whom a page shows, asked for as one question: it may show hundreds. */
const asking = new WeakMap<AweClient, (subject: string) => Promise<string | undefined>>();

function nameOf(api: AweClient, subject: string): Promise<string | undefined> {
  let ask = asking.get(api);
  if (!ask) {
    ask = together(async (subjects) => namesOf(await findUsers(api, subjects)));
    asking.set(api, ask);
  }
  return ask(subject);
}

async function findUsers(api: AweClient, subjects: string[]): Promise<User[]> {
  const listed = subjects.filter((subject) => !subject.includes(","));
  const others = subjects.filter((subject) => subject.includes(","));
  const queries = [...(listed.length > 0 ? [{ ids: listed.join(",") }] : []), ...others.map((id) => ({ id }))];
  const found: User[] = [];
  for (const query of queries) found.push(...(await api.call("find_users", { query })));
  return found;
}

function namesOf(users: User[]): Map<string, string> {
  return new Map(users.flatMap(({ id, name }) => (name ? [[id, name] as const] : [])));
}

/** The name of a subject; undefined while it is not known, or where nobody may be looked up. */
export function useName(subject: string | null | undefined): string | undefined {
  const api = useApi();
  const me = useMe();
  const isPerson = !!subject && !subject.startsWith("system:") && subject !== "AWE_ADMIN";
  const { data } = useQuery({
    queryKey: ["person", subject],
    queryFn: async () => (await nameOf(api, subject ?? "")) ?? null,
    enabled: isPerson && me.is_viewer,
    staleTime: 10 * 60_000,
    retry: false,
    meta: { isQuiet: true },
  });
  if (subject === me.subject && me.name) return me.name;
  return data ?? undefined;
}

interface Props {
  id: string | null | undefined;
  /** The name, where an answer has brought it. */
  name?: string | null;
}

export function Person({ id, name }: Props) {
  const t = useT();
  const me = useMe();
  if (!id) return <>–</>;
  if (id === "AWE_ADMIN") return <>{t("person.anyAdmin")}</>;
  if (id.startsWith("system:")) return <>{t("person.system", { part: id.slice("system:".length) })}</>;
  // Lists name many people: nothing is asked for those whose name is there, or may not be asked for.
  if (name || !me.is_viewer) return <Named id={id} name={name ?? (id === me.subject ? me.name : undefined)} />;
  return <Asked id={id} />;
}

function Asked({ id }: { id: string }) {
  return <Named id={id} name={useName(id)} />;
}

function Named({ id, name }: { id: string; name: string | null | undefined }) {
  return (
    <bdi title={id} className={name ? undefined : "kit-code"}>
      {name || id}
    </bdi>
  );
}

export function People({ ids }: { ids: string[] }) {
  const t = useT();
  if (ids.length === 0) return <>{t("person.nobody")}</>;
  return (
    <>
      {ids.slice(0, 12).map((id, at) => (
        <span key={id}>
          {at > 0 && ", "}
          <Person id={id} />
        </span>
      ))}
      {ids.length > 12 && ` ${t("person.more", { count: ids.length - 12 })}`}
    </>
  );
}

export function PersonWithId({ id }: { id: string }) {
  const t = useT();
  return (
    <>
      <Person id={id} /> <Copy text={id} label={t("copy.id")} />
    </>
  );
}
