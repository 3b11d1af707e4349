/** Two versions: what changes, in words, and letter by letter. */

import { Empty, ErrorNote, Section, useUrl } from "@awe/kit";
import { NativeSelect, Skeleton, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { useApi } from "../../api/client.tsx";
import { useStateWord, useT } from "../../api/words.ts";
import { Changes } from "./Activation.tsx";
import { documentOf, type Stored } from "./model.ts";

const Merge = lazy(() => import("../../parts/Merge.tsx"));

interface Props {
  stored: Stored;
  versions: { version: number; status: string }[];
  active: number | undefined;
}

export function Compare({ stored, versions, active }: Props) {
  const t = useT();
  const word = useStateWord();
  const api = useApi();
  const url = useUrl();
  const others = versions.filter((one) => one.version !== stored.version);
  const before = others.find((one) => one.version < stored.version)?.version;
  const wanted = Number(url.get("with"));
  const other =
    others.find((one) => one.version === wanted)?.version ??
    (active !== stored.version ? active : undefined) ??
    before ??
    others[0]?.version;
  const path = { policy_key: stored.policy_key, version: other ?? 0 };
  const diff = useQuery({
    queryKey: ["policy", stored.policy_key, "diff", other, stored.version],
    queryFn: ({ signal }) => api.call("diff_policy_versions", { path, query: { with: stored.version } }, { signal }),
    enabled: other !== undefined,
  });
  const base = useQuery({
    queryKey: ["policy", stored.policy_key, other],
    queryFn: ({ signal }) => api.answer("get_policy_version", { path }, { signal }),
    enabled: other !== undefined,
  });
  if (other === undefined)
    return (
      <Empty title={t("compare.alone")} icon="flow">
        {t("compare.alone.why")}
      </Empty>
    );
  const error = diff.error ?? base.error;
  return (
    <Stack>
      <NativeSelect
        label={t("compare.with")}
        maw={280}
        value={String(other)}
        onChange={(event) => url.set({ with: event.currentTarget.value })}
        data={others.map((one) => ({
          value: String(one.version),
          label: `${one.version} · ${word("policy", one.status)}`,
        }))}
      />
      {error && <ErrorNote error={error} onRetry={() => diff.refetch()} />}
      <Section title={t("compare.words", { from: other, to: stored.version })}>
        {diff.isPending ? <Skeleton height={60} /> : <Changes changes={diff.data?.changes ?? []} />}
      </Section>
      <Section title={t("compare.raw")}>
        <Suspense fallback={<Skeleton height={200} />}>
          {base.data && (
            <Merge label={t("compare.raw")} before={documentOf(base.data.value)} after={documentOf(stored)} />
          )}
        </Suspense>
      </Section>
    </Stack>
  );
}
