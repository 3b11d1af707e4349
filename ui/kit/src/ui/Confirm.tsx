/** Asks before something is done: names the effect, takes a reason where one is wanted, and stays when it fails. */

import { Button, Group, Modal, Stack, Text, Textarea } from "@mantine/core";
import { type FormEvent, type ReactNode, useEffect, useState } from "react";
import { useTranslate } from "../i18n.tsx";
import { ErrorNote } from "../problem.tsx";

interface Props {
  opened: boolean;
  onClose: () => void;
  title: string;
  /** What will be so afterwards. */
  effect: ReactNode;
  /** What the button says: the deed, never "OK". */
  act: string;
  danger?: boolean;
  reason?: { label: string; required: boolean };
  onConfirm: (reason: string | undefined) => Promise<unknown>;
  children?: ReactNode;
  disabled?: boolean;
}

export function Confirm({ opened, onClose, title, effect, act, danger, reason, onConfirm, children, disabled }: Props) {
  const t = useTranslate();
  const [said, setSaid] = useState("");
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  useEffect(() => {
    if (opened) return;
    setError(undefined);
    setSaid("");
  }, [opened]);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (isBusy) return;
    setBusy(true);
    setError(undefined);
    try {
      await onConfirm(reason ? said.trim() || undefined : undefined);
      onClose();
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={title}
      closeButtonProps={{ "aria-label": t("action.close") }}
      size="md"
    >
      <form onSubmit={submit}>
        <Stack>
          <Text component="div">{effect}</Text>
          {children}
          {reason && (
            <Textarea
              label={reason.label}
              required={reason.required}
              value={said}
              onChange={(event) => setSaid(event.currentTarget.value)}
              maxLength={2_000}
              autosize
              minRows={2}
              maxRows={8}
              data-autofocus
            />
          )}
          {error !== undefined && <ErrorNote error={error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose} data-autofocus={reason ? undefined : true}>
              {t("action.notNow")}
            </Button>
            <Button
              type="submit"
              color={danger ? "red" : undefined}
              loading={isBusy}
              disabled={disabled || (reason?.required && !said.trim())}
            >
              {act}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
