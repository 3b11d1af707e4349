/** Approve or reject, with a comment that outlives a reload and an ended session. */

import { ErrorNote, Icon, noteError, Section, toast, useDraft } from "@awe/kit";
import { Button, Stack, Text, Textarea } from "@mantine/core";
import { useState } from "react";
import { useApi } from "../api/client.tsx";
import type { Decided, Detail } from "../api/types.ts";
import { useT } from "../api/words.ts";
import { useTitle } from "../parts/parts.tsx";

interface Props {
  change: Detail;
  /** The stage that asks the viewer. */
  stage: string | undefined;
  /** AWE is not asked: what is decided here counts at once. */
  isDirect: boolean;
  onDone: () => void;
}

type Verdict = "approve" | "reject";

export function Decide({ change, stage, isDirect, onDone }: Props) {
  const t = useT();
  const api = useApi();
  const title = useTitle();
  const draft = useDraft(`comment.${change.change_request_id}`, "");
  const [busy, setBusy] = useState<Verdict>();
  const [error, setError] = useState<unknown>();
  const [isMissing, setMissing] = useState(false);
  const act = async (verdict: Verdict) => {
    if (busy) return;
    const said = draft.value.trim() || undefined;
    // Whoever asked for the change is told why not.
    setMissing(verdict === "reject" && !said);
    if (verdict === "reject" && !said) return;
    setBusy(verdict);
    setError(undefined);
    try {
      const body = { change_request_id: change.change_request_id, [verdict === "reject" ? "reason" : "comment"]: said };
      await api.post<Decided>(`/change-requests/${verdict}_change_request`, body);
      draft.forget();
      toast(t(`decide.done.${verdict}`, { what: title(change) }));
    } catch (failure) {
      noteError(failure);
      setError(failure);
    } finally {
      setBusy(undefined);
      // Also when it failed: somebody may have been faster.
      onDone();
    }
  };
  return (
    <Section title={t("decide.title")}>
      <Stack gap="sm">
        <Text size="sm">{isDirect ? t("decide.direct") : t("decide.gated", { stage })}</Text>
        <Textarea
          label={t("decide.comment")}
          description={draft.restored ? t("decide.restored") : t("decide.comment.who")}
          value={draft.value}
          onChange={(event) => draft.set(event.currentTarget.value)}
          error={isMissing && !draft.value.trim() ? t("decide.reasonNeeded") : undefined}
          autosize
          minRows={3}
          maxRows={12}
          maxLength={2_000}
        />
        {error !== undefined && <ErrorNote error={error} />}
        <div className="portal-actions">
          <Button
            size="md"
            color="#1f6b35"
            leftSection={<Icon name="check" />}
            loading={busy === "approve"}
            onClick={() => act("approve")}
          >
            {t("decide.approve")}
          </Button>
          <Button
            size="md"
            color="red.9"
            leftSection={<Icon name="cross" />}
            loading={busy === "reject"}
            onClick={() => act("reject")}
          >
            {t("decide.reject")}
          </Button>
        </div>
      </Stack>
    </Section>
  );
}
