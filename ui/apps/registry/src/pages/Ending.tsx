/** Ends a change request otherwise than by its approvers: cancels it, or applies it past them (break-glass). */

import { ErrorNote, noteError, toast, useDraft } from "@awe/kit";
import { Alert, Button, Group, Modal, Stack, Text, Textarea } from "@mantine/core";
import { type FormEvent, useEffect, useState } from "react";
import { useApi } from "../api/client.tsx";
import type { Decided, Detail } from "../api/types.ts";
import { useT } from "../api/words.ts";

interface Props {
  change: Detail;
  opened: boolean;
  onClose: () => void;
  onDone: () => void;
}

export function Cancel({ change, ...props }: Props) {
  const t = useT();
  const api = useApi();
  const cancel = async (reason: string) => {
    const body = { change_request_id: change.change_request_id, reason: reason || undefined };
    await api.post<Decided>("/change-requests/cancel_change_request", body);
    toast(t("cancel.done"));
  };
  return (
    <Deed
      {...props}
      draftKey={`cancel.${change.change_request_id}`}
      title={t("cancel.title")}
      effect={t("cancel.effect")}
      act={t("cancel.act")}
      isReasonNeeded={false}
      onAct={cancel}
    />
  );
}

export function BreakGlass({ change, ...props }: Props) {
  const t = useT();
  const api = useApi();
  const apply = async (reason: string) => {
    const body = { change_request_id: change.change_request_id, reason, override: true };
    await api.post<Decided>("/change-requests/approve_change_request", body);
    toast(t("glass.done"));
  };
  return (
    <Deed
      {...props}
      draftKey={`glass.${change.change_request_id}`}
      title={t("glass.title")}
      effect={t("glass.effect")}
      act={t("glass.act")}
      twice={t("glass.twice")}
      isReasonNeeded
      onAct={apply}
    />
  );
}

interface DeedProps extends Omit<Props, "change"> {
  /** Where the reason is kept until it is sent. */
  draftKey: string;
  title: string;
  effect: string;
  act: string;
  /** Asked once more with this, after the reason. */
  twice?: string;
  isReasonNeeded: boolean;
  onAct: (reason: string) => Promise<void>;
}

function Deed(props: DeedProps) {
  const { opened, onClose, onDone, draftKey, title, effect, act, twice, isReasonNeeded, onAct } = props;
  const t = useT();
  const draft = useDraft(draftKey, "");
  const [isAsked, setAsked] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    if (opened) return;
    setAsked(false);
    setError(undefined);
  }, [opened]);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (isBusy) return;
    if (twice && !isAsked) return setAsked(true);
    setBusy(true);
    setError(undefined);
    try {
      await onAct(draft.value.trim());
      draft.forget();
      onClose();
    } catch (failure) {
      noteError(failure);
      setError(failure);
    } finally {
      setBusy(false);
      onDone();
    }
  };
  return (
    <Modal opened={opened} onClose={onClose} title={title} closeButtonProps={{ "aria-label": t("action.close") }}>
      <form onSubmit={submit}>
        <Stack>
          {isAsked ? (
            <Alert color="red" title={twice}>
              <Text size="sm">{t("glass.reasonIs")}</Text>
              <blockquote dir="auto">{draft.value.trim()}</blockquote>
            </Alert>
          ) : (
            <>
              <Text>{effect}</Text>
              <Textarea
                label={t(isReasonNeeded ? "deed.reason" : "deed.reason.optional")}
                required={isReasonNeeded}
                value={draft.value}
                onChange={(event) => draft.set(event.currentTarget.value)}
                maxLength={2_000}
                autosize
                minRows={2}
                maxRows={8}
                data-autofocus
              />
            </>
          )}
          {error !== undefined && <ErrorNote error={error} />}
          <Group justify="flex-end">
            {isAsked ? (
              <Button variant="default" onClick={() => setAsked(false)}>
                {t("deed.back")}
              </Button>
            ) : (
              <Button variant="default" onClick={onClose}>
                {t("action.notNow")}
              </Button>
            )}
            <Button type="submit" color="red.9" loading={isBusy} disabled={isReasonNeeded && !draft.value.trim()}>
              {twice && !isAsked ? t("deed.goOn") : act}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
