/** A decision on a task, and on to the next one. */

import { ApiError } from "@awe/client";
import { DecisionForm as Form, Icon, toast, type Verdict } from "@awe/kit";
import { Alert, Button, Text } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useApi, useMe } from "../../api/client.tsx";
import { useStateWord, useT } from "../../api/words.ts";
import { useName } from "../../parts/Person.tsx";
import { ACTIONS, decide } from "./decide.ts";
import { type Task, titleOf } from "./queue.ts";

interface Props {
  task: Task;
  next: Task | undefined;
  onNext: () => void;
}

export function DecisionForm({ task, next, onNext }: Props) {
  const t = useT();
  const word = useStateWord();
  const client = useQueryClient();
  const api = useApi();
  const told = [t("decide.comment.who")];
  if (task.comment_required === "always") told.unshift(t("decide.comment.always"));
  if (task.comment_required === "reject") told.unshift(t("decide.comment.reject"));
  const send = async (action: Verdict, comment: string | undefined) => {
    const outcome = await decide(api, { taskId: task.id, action, comment });
    if (outcome.is === "unknown") return false;
    toast(t("decide.done", { action: word("action", outcome.action), what: titleOf(task) }));
    onNext();
    client.invalidateQueries({ queryKey: ["tasks"] });
    client.invalidateQueries({ queryKey: ["request", task.request_id] });
    return true;
  };
  const settled = (error: unknown) => {
    if (!(error instanceof ApiError && error.status === 409)) return;
    for (const key of ["of", "one"]) client.invalidateQueries({ queryKey: ["tasks", key] });
  };
  return (
    <Form
      about={task.id}
      verdicts={ACTIONS}
      readers={told.join(" ")}
      most={10_000}
      faultOf={missingComment}
      send={send}
      onSettled={settled}
      hotkeys={[["alt+N", onNext]]}
      footer={
        <>
          <Text size="xs" c="dimmed" visibleFrom="sm">
            {t("decide.keys")}
          </Text>
          {next && (
            <Button
              variant="subtle"
              onClick={onNext}
              rightSection={<Icon name="next" size={14} />}
              className="admin-next"
            >
              {t("decide.later", { what: titleOf(next) })}
            </Button>
          )}
        </>
      }
    >
      <OnBehalf task={task} />
      {task.kind === "observer" && <Text size="sm">{t("decide.observer")}</Text>}
    </Form>
  );
}

/** What the server says of a comment that is not there but has to be. */
function missingComment(error: unknown): string | undefined {
  if (!(error instanceof ApiError) || error.status !== 422) return undefined;
  return error.detail.find(({ loc }) => loc.at(-1) === "comment")?.msg;
}

/** An administrator may decide for somebody, and is told for whom. */
function OnBehalf({ task }: { task: Task }) {
  const t = useT();
  const me = useMe();
  const name = useName(task.assignee);
  if (task.assignee === me.subject) return null;
  return (
    <Alert color="orange" icon={<Icon name="user" />}>
      {t("decide.onBehalf", { name: task.assignee_name ?? name ?? task.assignee })}
    </Alert>
  );
}
