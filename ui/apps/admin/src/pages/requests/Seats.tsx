/** Every seat of a request with what was said; whose seat is open can be given to somebody else. */

import { announce, Confirm, Section, Status, Time } from "@awe/kit";
import { Button, Table, Text } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useApi, useMe } from "../../api/client.tsx";
import { toneOf, useStateWord, useT } from "../../api/words.ts";
import { Person, useName } from "../../parts/Person.tsx";
import { UserPicker } from "../../parts/pickers.tsx";
import { Due } from "../inbox/Inbox.tsx";
import { isOver, type Progress, type Request, type SeatTask } from "./story.tsx";

const OPEN = new Set(["open", "claimed", "expired"]);

export function Seats({ request, progress }: { request: Request; progress: Progress }) {
  const t = useT();
  const me = useMe();
  const word = useStateWord();
  const [moving, setMoving] = useState<SeatTask>();
  const rows = progress.stages.flatMap((stage) => stage.tasks.map((task) => ({ stage, task })));
  const canMove = me.is_admin && !isOver(request.status);
  if (rows.length === 0) return null;
  return (
    <Section title={t("seats.title")}>
      <div className="kit-table">
        <Table verticalSpacing="xs">
          <caption className="kit-unseen">{t("seats.title")}</caption>
          <Table.Thead>
            <Table.Tr>
              {[t("inbox.stage"), t("seats.who"), t("seats.state"), t("seats.said"), t("seats.when")].map((title) => (
                <Table.Th key={title} scope="col">
                  {title}
                </Table.Th>
              ))}
              {canMove && <Table.Th scope="col">{t("seats.do")}</Table.Th>}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map(({ stage, task }) => (
              <Table.Tr key={task.task_id}>
                <Table.Td data-label={t("inbox.stage")}>{stage.name}</Table.Td>
                <Table.Td data-label={t("seats.who")}>
                  <div>
                    <Person id={task.assignee} />
                    <Origin task={task} />
                  </div>
                </Table.Td>
                <Table.Td data-label={t("seats.state")}>
                  <Status tone={task.decision ? toneOf(task.decision.action) : toneOf(task.status)}>
                    {task.decision ? word("action", task.decision.action) : word("task", task.status)}
                  </Status>
                </Table.Td>
                <Table.Td data-label={t("seats.said")}>
                  <bdi>{task.decision?.comment ?? "–"}</bdi>
                </Table.Td>
                <Table.Td data-label={t("seats.when")}>
                  {task.decision ? (
                    <Time at={task.decision.created_at} />
                  ) : task.due_at ? (
                    <Due at={task.due_at} />
                  ) : (
                    "–"
                  )}
                </Table.Td>
                {canMove && (
                  <Table.Td data-label={t("seats.do")}>
                    {OPEN.has(task.status) && !task.decision ? (
                      <Button size="xs" variant="default" onClick={() => setMoving(task)}>
                        {t("seats.reassign")}
                      </Button>
                    ) : (
                      "–"
                    )}
                  </Table.Td>
                )}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
      <Reassign request={request} task={moving} onClose={() => setMoving(undefined)} />
    </Section>
  );
}

function Origin({ task }: { task: SeatTask }) {
  const t = useT();
  const notes = [
    task.kind === "observer" && t("seat.observer"),
    task.required && t("seat.required"),
    task.decision?.late && t("seat.late"),
  ].filter(Boolean);
  return (
    <Text size="xs" c="dimmed" component="div">
      {notes.join(" · ")}
      {task.delegated_from && (
        <div>
          {t("task.delegatedFrom")} <Person id={task.delegated_from} />
        </div>
      )}
      {task.reassigned_from && (
        <div>
          {t("seat.reassignedFrom")} <Person id={task.reassigned_from} />
        </div>
      )}
      {task.decision?.on_behalf_of && task.decision.actor !== task.assignee && (
        <div>
          {t("seat.decidedBy")} <Person id={task.decision.actor} />
        </div>
      )}
    </Text>
  );
}

function Reassign({ request, task, onClose }: { request: Request; task: SeatTask | undefined; onClose: () => void }) {
  const t = useT();
  const api = useApi();
  const client = useQueryClient();
  const [to, setTo] = useState("");
  const from = useName(task?.assignee) ?? task?.assignee ?? "";
  const toName = useName(to || null) ?? to;
  const close = () => {
    setTo("");
    onClose();
  };
  return (
    <Confirm
      opened={task !== undefined}
      onClose={close}
      title={t("reassign.title")}
      effect={to ? t("reassign.effect", { from, to: toName }) : t("reassign.choose", { from })}
      act={t("seats.reassign")}
      reason={{ label: t("reassign.reason"), required: true }}
      disabled={!to}
      onConfirm={async (reason) => {
        if (!task) return;
        await api.call("reassign_task", { path: { task_id: task.task_id }, body: { new_assignee: to, reason } });
        announce(t("reassign.done"));
        await client.invalidateQueries({ queryKey: ["request", request.id] });
      }}
    >
      <UserPicker label={t("reassign.to")} value={to} onChange={setTo} />
    </Confirm>
  );
}
