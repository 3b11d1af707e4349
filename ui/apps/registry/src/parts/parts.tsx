/** Small parts that several pages show. */

import { nameText, Status } from "@awe/kit";
import { Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ChangeRequest } from "../api/types.ts";
import { TONES, useT } from "../api/words.ts";

export function ChangeStatus({ change }: { change: Pick<ChangeRequest, "approval_status"> }) {
  const t = useT();
  return <Status tone={TONES[change.approval_status]}>{t(`status.${change.approval_status}`)}</Status>;
}

/** Keeps the direction of a name from turning the sentence around it: marks that nobody sees. */
const isolated = (name: string) => `\u2068${name}\u2069`;

/** "Farmer: change of F-12": what a change is called. */
export function useTitle(): (change: ChangeRequest) => string {
  const t = useT();
  return ({ edit_action, register_mnemonic, record_id }) =>
    t(`title.${edit_action}`, { register: isolated(nameText(register_mnemonic)), record: isolated(record_id) });
}

export function What({ change }: { change: ChangeRequest }) {
  const title = useTitle();
  return (
    <div>
      <Link to="/change-requests/$id" params={{ id: change.change_request_id }} data-row-link className="portal-link">
        {title(change)}
      </Link>
      <Text size="sm" c="dimmed" component="div">
        <bdi>{change.section_id}</bdi>
      </Text>
    </div>
  );
}
