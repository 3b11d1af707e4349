/** Saves what was written: as a new policy, a new version, or over a draft; a change by somebody else is shown, not lost. */

import { ApiError } from "@awe/client";
import { announce, Difference, type Draft, ErrorNote, Section, Time } from "@awe/kit";
import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useApi } from "../../api/client.tsx";
import { useT } from "../../api/words.ts";
import type { Origin } from "./Designer.tsx";
import { documentOf, type Policy, type Stored } from "./model.ts";
import type { Lint } from "./useLint.ts";

interface Props {
  draft: Draft<Policy>;
  origin: Origin | undefined;
  lint: Lint;
}

interface Conflict {
  theirs: Stored;
  etag: string | null;
}

export function SaveBar({ draft, origin, lint }: Props) {
  const t = useT();
  const api = useApi();
  const client = useQueryClient();
  const navigate = useNavigate();
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [conflict, setConflict] = useState<Conflict>();

  const write = async (etag: string | null): Promise<Stored> => {
    const body = draft.value;
    if (!origin) return api.call("create_policy", { body });
    const path = { policy_key: origin.stored.policy_key };
    if (origin.stored.status !== "draft") return api.call("add_policy_version", { path, body });
    const header = etag ? { "If-Match": etag } : {};
    return api.call("update_policy_version", { path: { ...path, version: origin.stored.version }, body, header });
  };
  const save = async (etag: string | null) => {
    setBusy(true);
    setError(undefined);
    try {
      const stored = await write(etag);
      setConflict(undefined);
      draft.forget();
      announce(t("save.done", { version: stored.version }));
      client.removeQueries({ queryKey: ["policy", stored.policy_key] });
      client.invalidateQueries({ queryKey: ["policies"] });
      navigate({
        to: "/policies/$key",
        params: { key: stored.policy_key },
        search: { version: String(stored.version) } as never,
      });
    } catch (failure) {
      if (failure instanceof ApiError && failure.status === 412 && origin) setConflict(await theirs(origin));
      else setError(failure);
    } finally {
      setBusy(false);
    }
  };
  const theirs = async ({ stored }: Origin): Promise<Conflict> => {
    const told = await api.answer("get_policy_version", {
      path: { policy_key: stored.policy_key, version: stored.version },
    });
    return { theirs: told.value, etag: told.headers.get("etag") };
  };
  const takeTheirs = () => {
    draft.forget();
    if (origin) client.removeQueries({ queryKey: ["policy", origin.stored.policy_key] });
    setConflict(undefined);
    navigate({
      to: "/policies/$key",
      params: { key: origin?.stored.policy_key ?? "" },
      search: { version: String(origin?.stored.version) } as never,
    });
  };
  return (
    <>
      <Button loading={isBusy} disabled={lint.isKnown && !lint.isValid} onClick={() => save(origin?.etag ?? null)}>
        {origin?.stored.status === "draft" ? t("save.draft") : origin ? t("save.version") : t("save.new")}
      </Button>
      {error !== undefined && <ErrorNote error={error} />}
      <Modal
        opened={conflict !== undefined}
        onClose={() => setConflict(undefined)}
        title={t("conflict.title")}
        size="xl"
        closeButtonProps={{ "aria-label": t("bulk.close") }}
      >
        {conflict && (
          <Stack>
            <Text>
              {t("conflict.what")} <Time at={conflict.theirs.updated_at} as="relative" />
            </Text>
            <Section title={t("conflict.both")}>
              <Difference before={documentOf(conflict.theirs)} after={draft.value} />
            </Section>
            {conflict.theirs.status !== "draft" && <Text fw={600}>{t("conflict.activated")}</Text>}
            <Group justify="flex-end">
              <Button variant="default" onClick={takeTheirs}>
                {t("conflict.theirs")}
              </Button>
              <Button
                color="red"
                loading={isBusy}
                disabled={conflict.theirs.status !== "draft"}
                onClick={() => save(conflict.etag)}
              >
                {t("conflict.mine")}
              </Button>
            </Group>
          </Stack>
        )}
      </Modal>
    </>
  );
}
