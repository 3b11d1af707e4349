/** Approve, reject or abstain, with a comment that outlives a reload, a lost answer and an ended session. */

import { Alert, Button, Stack, Text, Textarea } from "@mantine/core";
import { useHotkeys } from "@mantine/hooks";
import { type ReactNode, useRef, useState } from "react";
import { useDraft } from "../draft.ts";
import { useTranslate } from "../i18n.tsx";
import type words from "../locales/en.json";
import { ErrorNote } from "../problem.tsx";
import { noteError } from "../session/over.ts";
import { Icon, type IconName } from "./Icon.tsx";
import { Section } from "./small.tsx";

export type Verdict = "approve" | "reject" | "abstain";

interface Look {
  icon: IconName;
  color?: string;
  variant?: string;
  hotkey: string;
}

const LOOKS: Readonly<Record<Verdict, Look>> = {
  approve: { icon: "check", color: "#1f6b35", hotkey: "A" },
  reject: { icon: "cross", color: "red.9", hotkey: "R" },
  abstain: { icon: "minus", variant: "default", hotkey: "S" },
};

interface Props {
  /** What it is about: the comment is kept under it. */
  about: string;
  verdicts: readonly Verdict[];
  /** Who reads the comment. */
  readers: string;
  /** Characters of a comment. */
  most: number;
  /** What is wrong with a comment before it is sent. */
  lacks?: (verdict: Verdict, comment: string | undefined) => string | undefined;
  /** What an error says of the comment; it is then shown beside it. */
  faultOf?: (error: unknown) => string | undefined;
  /** Sends it; false when no answer came and nothing is known: it may be sent again. */
  send: (verdict: Verdict, comment: string | undefined) => Promise<boolean>;
  /** It has ended, well or not: somebody may have been faster. */
  onSettled?: (error: unknown) => void;
  /** Keys beside those of the verdicts; without, there are none. */
  hotkeys?: [string, () => void][];
  /** Above the comment. */
  children?: ReactNode;
  /** Below the buttons. */
  footer?: ReactNode;
}

/** The words of decisions, wherever else they are taken. */
export function useDecisionWords() {
  return useTranslate<Extract<keyof typeof words, `decision.${string}`>>();
}

export function DecisionForm(props: Props) {
  const { about, verdicts, readers, most, lacks, faultOf, send, onSettled, hotkeys, children, footer } = props;
  const t = useDecisionWords();
  const draft = useDraft(`comment.${about}`, "");
  const [busy, setBusy] = useState<Verdict>();
  const [error, setError] = useState<unknown>();
  const [fault, setFault] = useState<string>();
  const [unknown, setUnknown] = useState<Verdict>();
  const field = useRef<HTMLTextAreaElement>(null);

  const point = (wrong: string | undefined) => {
    setFault(wrong);
    if (wrong) field.current?.focus();
    return wrong !== undefined;
  };
  const act = async (verdict: Verdict) => {
    if (busy) return;
    const comment = draft.value.trim() || undefined;
    setError(undefined);
    setUnknown(undefined);
    if (point(lacks?.(verdict, comment))) return;
    setBusy(verdict);
    let failure: unknown;
    try {
      if (await send(verdict, comment)) draft.forget();
      else setUnknown(verdict);
    } catch (thrown) {
      failure = thrown;
      noteError(thrown);
      if (!point(faultOf?.(thrown))) setError(thrown);
    } finally {
      setBusy(undefined);
      onSettled?.(failure);
    }
  };
  const keys = verdicts.map((verdict): [string, () => void] => [`alt+${LOOKS[verdict].hotkey}`, () => act(verdict)]);
  useHotkeys(hotkeys ? [...keys, ...hotkeys] : [], []);
  return (
    <Section title={t("decision.title")}>
      <Stack gap="sm">
        {children}
        <Textarea
          ref={field}
          label={t("decision.comment")}
          description={draft.restored ? `${t("decision.restored")} ${readers}` : readers}
          value={draft.value}
          onChange={(event) => {
            setFault(undefined);
            draft.set(event.currentTarget.value);
          }}
          error={fault}
          autosize
          minRows={3}
          maxRows={14}
          maxLength={most}
        />
        {error !== undefined && <ErrorNote error={error} />}
        {unknown && (
          <Alert color="orange" role="alert" icon={<Icon name="alert" />} title={t("decision.unknown")}>
            <Text size="sm">{t("decision.unknown.why")}</Text>
            <Button mt="xs" size="xs" onClick={() => act(unknown)} loading={busy !== undefined}>
              {t("decision.unknown.again")}
            </Button>
          </Alert>
        )}
        <div className="kit-verdicts">
          {verdicts.map((verdict) => (
            <VerdictButton key={verdict} verdict={verdict} hasKey={!!hotkeys} isBusy={busy === verdict} onAct={act} />
          ))}
        </div>
        {footer}
      </Stack>
    </Section>
  );
}

interface ButtonProps {
  verdict: Verdict;
  hasKey: boolean;
  isBusy: boolean;
  onAct: (verdict: Verdict) => void;
}

function VerdictButton({ verdict, hasKey, isBusy, onAct }: ButtonProps) {
  const t = useDecisionWords();
  const { icon, color, variant, hotkey } = LOOKS[verdict];
  return (
    <Button
      size="md"
      {...(color && { color })}
      {...(variant && { variant })}
      leftSection={<Icon name={icon} />}
      loading={isBusy}
      onClick={() => onAct(verdict)}
      {...(hasKey && { "aria-keyshortcuts": `Alt+${hotkey}` })}
    >
      {t(`decision.${verdict}`)}
    </Button>
  );
}
