/** Many decisions at once: exactly the tasks that are listed, and what became of each. */

import { ApiError, type Schemas } from "@awe/client";
import { ErrorNote, Status, useDecisionWords } from "@awe/kit";
import { Button, Group, List, Modal, Radio, ScrollArea, Stack, Text, Textarea } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { useApi } from "../../api/client.tsx";
import { toneOf, useStateWord, useT } from "../../api/words.ts";
import { ACTIONS, type Action, newKey } from "./decide.ts";
import { type Task, titleOf } from "./queue.ts";

type Result = Schemas["DecisionResultOut"];

interface Props {
  tasks: Task[];
  opened: boolean;
  onClose: () => void;
  onDone: () => void;
}

export function Bulk({ tasks, opened, onClose, onDone }: Props) {
  const t = useT();
  const words = useDecisionWords();
  const api = useApi();
  const client = useQueryClient();
  const word = useStateWord();
  const [action, setAction] = useState<Action>("approve");
  const [comment, setComment] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [told, setTold] = useState<{ tasks: Task[]; results: Result[] }>();
  const key = useRef("");
  useEffect(() => {
    if (!opened) return;
    key.current = newKey();
    setTold(undefined);
    setError(undefined);
  }, [opened]);
  // What is said decides the key: said otherwise, it is another deed.
  const change = (act: () => void) => {
    key.current = newKey();
    act();
  };
  const send = async () => {
    setBusy(true);
    setError(undefined);
    const said = comment.trim();
    const items = tasks.map(({ id }) => ({ task_id: id, action, ...(said ? { comment: said } : {}) }));
    try {
      const { results } = await api.call(
        "decide_tasks",
        { body: { items }, idempotencyKey: key.current },
        { timeoutMs: 25_000 },
      );
      setTold({ tasks, results });
      client.invalidateQueries({ queryKey: ["tasks"] });
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  const close = () => {
    if (told) onDone();
    onClose();
  };
  return (
    <Modal
      opened={opened}
      onClose={close}
      title={t("bulk.title", { count: (told?.tasks ?? tasks).length })}
      size="lg"
      closeButtonProps={{ "aria-label": t("bulk.close") }}
    >
      {told ? (
        <Outcomes {...told} onClose={close} />
      ) : (
        <Stack>
          <ScrollArea.Autosize mah={200} tabIndex={0}>
            <List size="sm">
              {tasks.map((task) => (
                <List.Item key={task.id}>
                  <bdi>{titleOf(task)}</bdi> · {task.stage_name}
                </List.Item>
              ))}
            </List>
          </ScrollArea.Autosize>
          <Radio.Group
            label={t("decide.label")}
            value={action}
            onChange={(value) => change(() => setAction(value as Action))}
          >
            <Group mt={4}>
              {ACTIONS.map((one) => (
                <Radio key={one} value={one} label={words(`decision.${one}`)} />
              ))}
            </Group>
          </Radio.Group>
          <Textarea
            label={words("decision.comment")}
            description={t("bulk.comment.same")}
            value={comment}
            maxLength={10_000}
            autosize
            minRows={2}
            maxRows={8}
            onChange={(event) => {
              const text = event.currentTarget.value;
              change(() => setComment(text));
            }}
          />
          {error !== undefined && (
            <ErrorNote error={error} title={error instanceof ApiError ? undefined : t("bulk.unknown")} />
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              {t("bulk.back")}
            </Button>
            <Button onClick={send} loading={isBusy}>
              {error === undefined
                ? t("bulk.act", { action: word("action", action), count: tasks.length })
                : t("bulk.again")}
            </Button>
          </Group>
        </Stack>
      )}
    </Modal>
  );
}

function Outcomes({ tasks, results, onClose }: { tasks: Task[]; results: Result[]; onClose: () => void }) {
  const t = useT();
  const word = useStateWord();
  const good = results.filter((result) => result.decision).length;
  return (
    <Stack>
      <Text role="status" fw={600}>
        {t("bulk.outcome", { good, bad: results.length - good })}
      </Text>
      <ScrollArea.Autosize mah="50vh" tabIndex={0}>
        <ul className="admin-outcomes">
          {results.map((result, at) => {
            const task = tasks.find((one) => one.id === result.task_id) ?? tasks[at];
            return (
              <li key={result.task_id ?? at}>
                <bdi>{task ? titleOf(task) : result.task_id}</bdi>
                {result.decision ? (
                  <Status tone={toneOf(result.decision.action)}>{word("action", result.decision.action)}</Status>
                ) : (
                  <span>
                    <Status tone="bad">{t("bulk.refused")}</Status> {result.error?.message}
                  </span>
                )}
              </li>
            );
          })}
        </ul>
      </ScrollArea.Autosize>
      <Group justify="flex-end">
        <Button onClick={onClose}>{t("bulk.done")}</Button>
      </Group>
    </Stack>
  );
}
