/** Approve or reject, where the viewer is asked or nobody is. */

import { DecisionForm, toast, type Verdict } from "@awe/kit";
import { Text } from "@mantine/core";
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

export function Decide({ change, stage, isDirect, onDone }: Props) {
  const t = useT();
  const api = useApi();
  const title = useTitle();
  const send = async (verdict: Verdict, said: string | undefined) => {
    const body = { change_request_id: change.change_request_id, [verdict === "reject" ? "reason" : "comment"]: said };
    await api.post<Decided>(`/change-requests/${verdict}_change_request`, body);
    const done = verdict === "reject" ? "decide.done.reject" : "decide.done.approve";
    toast(t(done, { what: title(change) }));
    return true;
  };
  // Whoever asked for the change is told why not.
  const lacks = (verdict: Verdict, said: string | undefined) =>
    verdict === "reject" && !said ? t("decide.reasonNeeded") : undefined;
  return (
    <DecisionForm
      about={change.change_request_id}
      verdicts={["approve", "reject"]}
      readers={t("decide.comment.who")}
      most={2_000}
      lacks={lacks}
      send={send}
      onSettled={onDone}
    >
      <Text size="sm">{isDirect ? t("decide.direct") : t("decide.gated", { stage })}</Text>
    </DecisionForm>
  );
}
