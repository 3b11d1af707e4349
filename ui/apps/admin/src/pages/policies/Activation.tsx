/** Makes a version the one that new requests use, or stops that; says before what follows from it. */

import { ApiError, type Schemas } from "@awe/client";
import { announce, Confirm } from "@awe/kit";
import { List, Text } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useApi } from "../../api/client.tsx";
import { useT } from "../../api/words.ts";
import type { Stored } from "./model.ts";

export type Change = "activate" | "deactivate";

interface Props {
  stored: Stored;
  etag: string | null;
  active: number | undefined;
  change: Change | undefined;
  onClose: () => void;
}

export function Activation({ stored, etag, active, change, onClose }: Props) {
  const t = useT();
  const api = useApi();
  const client = useQueryClient();
  const path = { policy_key: stored.policy_key, version: stored.version };
  const isReplacing = change === "activate" && active !== undefined && active !== stored.version;
  const diff = useQuery({
    queryKey: ["policy", stored.policy_key, "diff", active, stored.version],
    queryFn: ({ signal }) =>
      api.call(
        "diff_policy_versions",
        { path: { ...path, version: active ?? 0 }, query: { with: stored.version } },
        { signal },
      ),
    enabled: isReplacing,
  });
  const act = async () => {
    try {
      if (change === "deactivate") await api.call("deactivate_policy_version", { path });
      else await api.call("activate_policy_version", { path, header: etag ? { "If-Match": etag } : {} });
    } catch (error) {
      if (error instanceof ApiError && error.status === 412)
        client.invalidateQueries({ queryKey: ["policy", stored.policy_key] });
      throw error;
    }
    announce(t(change === "activate" ? "activate.done" : "deactivate.done", { version: stored.version }));
    await client.invalidateQueries({ queryKey: ["policy", stored.policy_key] });
    client.invalidateQueries({ queryKey: ["policies"] });
  };
  const values = { key: stored.policy_key, version: stored.version, active: active ?? 0 };
  const effect =
    change === "deactivate" ? "deactivate.effect" : isReplacing ? "activate.effect.replace" : "activate.effect";
  return (
    <Confirm
      opened={change !== undefined}
      onClose={onClose}
      title={t(change === "deactivate" ? "policy.deactivate" : "policy.activate")}
      effect={t(effect, values)}
      act={t(change === "deactivate" ? "policy.deactivate" : "activate.act", values)}
      danger={change === "deactivate"}
      onConfirm={act}
    >
      {isReplacing && diff.data && <Changes changes={diff.data.changes} />}
    </Confirm>
  );
}

export function Changes({ changes }: { changes: Schemas["PolicyChangeOut"][] }) {
  const t = useT();
  if (changes.length === 0) return <Text c="dimmed">{t("compare.same")}</Text>;
  return (
    <List>
      {changes.map((one) => (
        <List.Item key={`${one.words} ${one.field} ${one.stage}`}>
          <span dir="auto">{one.words}</span>
        </List.Item>
      ))}
    </List>
  );
}
