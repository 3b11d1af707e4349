/** Approve, reject or abstain, with a comment that outlives a reload and an ended session. */

import { ApiError } from "@awe/client";
import { ErrorNote, Icon, noteError, Section, toast, useDraft } from "@awe/kit";
import { Alert, Button, Stack, Text, Textarea } from "@mantine/core";
import { useHotkeys } from "@mantine/hooks";
import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useApi, useMe } from "../../api/client.tsx";
import { useStateWord, useT } from "../../api/words.ts";
import { useName } from "../../parts/Person.tsx";
import { type Action, decide } from "./decide.ts";
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
  const draft = useDraft(`comment.${task.id}`, "");
  const [busy, setBusy] = useState<Action>();
  const [error, setError] = useState<unknown>();
  const [unknown, setUnknown] = useState<Action>();
  const field = useRef<HTMLTextAreaElement>(null);
  const commentFault = missingComment(error);
  const told = [t(draft.restored ? "decide.comment.restored" : "decide.comment.who")];
  if (task.comment_required === "always") told.unshift(t("decide.comment.always"));
  if (task.comment_required === "reject") told.unshift(t("decide.comment.reject"));

  const act = async (action: Action) => {
    if (busy) return;
    setBusy(action);
    setError(undefined);
    setUnknown(undefined);
    try {
      const deed = { taskId: task.id, action, comment: draft.value.trim() || undefined };
      const outcome = await decide(api, deed);
      if (outcome.is === "unknown") {
        setUnknown(action);
        return;
      }
      draft.forget();
      toast(t("decide.done", { action: word("action", outcome.action), what: titleOf(task) }));
      onNext();
      client.invalidateQueries({ queryKey: ["tasks"] });
      client.invalidateQueries({ queryKey: ["request", task.request_id] });
    } catch (failure) {
      noteError(failure);
      setError(failure);
      if (missingComment(failure)) field.current?.focus();
      else if (failure instanceof ApiError && failure.status === 409)
        for (const key of ["of", "one"]) client.invalidateQueries({ queryKey: ["tasks", key] });
    } finally {
      setBusy(undefined);
    }
  };
  useHotkeys(
    [
      ["alt+A", () => act("approve")],
      ["alt+R", () => act("reject")],
      ["alt+S", () => act("abstain")],
      ["alt+N", onNext],
    ],
    [],
  );
  return (
    <Section title={t("decide.label")}>
      <Stack gap="sm">
        <OnBehalf task={task} />
        {task.kind === "observer" && <Text size="sm">{t("decide.observer")}</Text>}
        <Textarea
          ref={field}
          label={t("decide.comment")}
          description={told.join(" ")}
          required={task.comment_required === "always"}
          value={draft.value}
          onChange={(event) => draft.set(event.currentTarget.value)}
          error={commentFault}
          autosize
          minRows={3}
          maxRows={14}
          maxLength={10_000}
        />
        {error !== undefined && !commentFault && <ErrorNote error={error} />}
        {unknown && (
          <Alert color="orange" role="alert" icon={<Icon name="alert" />} title={t("decide.unknown")}>
            <Text size="sm">{t("decide.unknown.why")}</Text>
            <Button mt="xs" size="xs" onClick={() => act(unknown)} loading={busy !== undefined}>
              {t("decide.unknown.again")}
            </Button>
          </Alert>
        )}
        <div className="admin-actions">
          <Button
            size="md"
            color="#1f6b35"
            leftSection={<Icon name="check" />}
            loading={busy === "approve"}
            onClick={() => act("approve")}
            aria-keyshortcuts="Alt+A"
          >
            {t("decide.approve")}
          </Button>
          <Button
            size="md"
            color="red.9"
            leftSection={<Icon name="cross" />}
            loading={busy === "reject"}
            onClick={() => act("reject")}
            aria-keyshortcuts="Alt+R"
          >
            {t("decide.reject")}
          </Button>
          <Button
            size="md"
            variant="default"
            leftSection={<Icon name="minus" />}
            loading={busy === "abstain"}
            onClick={() => act("abstain")}
            aria-keyshortcuts="Alt+S"
          >
            {t("decide.abstain")}
          </Button>
        </div>
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
      </Stack>
    </Section>
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
