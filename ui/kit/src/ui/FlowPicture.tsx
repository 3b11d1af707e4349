/** The way of a request through its stages: those that follow each other one below the other, those that run together side by side. */

import type { ReactNode } from "react";
import { useTranslate } from "../i18n.tsx";
import { Icon, type IconName } from "./Icon.tsx";
import { Status, type Tone } from "./small.tsx";

export interface FlowSeat {
  id: string;
  name: ReactNode;
  tone: Tone;
  icon?: IconName;
  /** What became of this seat, in words. */
  state?: string;
}

export interface FlowStage {
  id: string;
  order: number;
  name: string;
  group?: number | null;
  /** What completes it, in words. */
  rule: ReactNode;
  /** Who is asked, deadline, condition: one line each. */
  lines: ReactNode[];
  state?: { tone: Tone; text: string };
  seats?: FlowSeat[];
  isCurrent?: boolean;
}

interface Props {
  label: string;
  stages: FlowStage[];
  /** Words at the begin and the end. */
  begin: string;
  end: { tone: Tone; text: string };
  /** Makes the names of stages buttons. */
  onChoose?: (id: string) => void;
  chosen?: string;
}

/** Neighbours of one parallel group stand together. */
export function grouped(stages: FlowStage[]): FlowStage[][] {
  const steps: FlowStage[][] = [];
  for (const stage of [...stages].sort((a, b) => a.order - b.order)) {
    const last = steps.at(-1);
    const isTogether = stage.group !== null && stage.group !== undefined && last?.[0]?.group === stage.group;
    if (last && isTogether) last.push(stage);
    else steps.push([stage]);
  }
  return steps;
}

export function FlowPicture({ label, stages, begin, end, onChoose, chosen }: Props) {
  const t = useTranslate();
  return (
    <ol className="kit-flow" aria-label={label}>
      <li className="kit-flow-end">
        <Status tone="quiet" icon="next">
          {begin}
        </Status>
      </li>
      {grouped(stages).map((step) => (
        <li key={step[0]?.id} className="kit-flow-step">
          {step.length > 1 && <p className="kit-flow-together">{t("flow.together", { count: step.length })}</p>}
          <div className="kit-flow-row">
            {step.map((stage) => (
              <Card key={stage.id} stage={stage} onChoose={onChoose} isChosen={stage.id === chosen} />
            ))}
          </div>
        </li>
      ))}
      <li className="kit-flow-end">
        <Status tone={end.tone}>{end.text}</Status>
      </li>
    </ol>
  );
}

function Card({ stage, onChoose, isChosen }: { stage: FlowStage; onChoose?: (id: string) => void; isChosen: boolean }) {
  return (
    <article
      className="kit-flow-stage"
      data-tone={stage.state?.tone}
      data-current={stage.isCurrent || undefined}
      data-chosen={isChosen || undefined}
      aria-current={stage.isCurrent ? "step" : undefined}
      aria-label={stage.name}
    >
      <header>
        {onChoose ? (
          <button type="button" className="kit-flow-name" onClick={() => onChoose(stage.id)} aria-pressed={isChosen}>
            {stage.name}
          </button>
        ) : (
          <span className="kit-flow-name">{stage.name}</span>
        )}
        {stage.state && <Status tone={stage.state.tone}>{stage.state.text}</Status>}
      </header>
      <p className="kit-flow-rule">{stage.rule}</p>
      {stage.lines.length > 0 && (
        <ul>
          {stage.lines.map((line, at) => (
            <li key={at}>{line}</li>
          ))}
        </ul>
      )}
      {stage.seats && stage.seats.length > 0 && <Seats seats={stage.seats} />}
    </article>
  );
}

/** More seats than these are counted, not drawn. */
const MOST_SEATS = 24;

function Seats({ seats }: { seats: FlowSeat[] }) {
  const t = useTranslate();
  return (
    <ul className="kit-seats">
      {seats.slice(0, MOST_SEATS).map((seat) => (
        <li key={seat.id} data-tone={seat.tone} title={seat.state}>
          <Icon name={seat.icon ?? "user"} size={13} /> <span>{seat.name}</span>
          {seat.state && <span className="kit-seat-state">{seat.state}</span>}
        </li>
      ))}
      {seats.length > MOST_SEATS && <li>{t("flow.more", { count: seats.length - MOST_SEATS })}</li>}
    </ul>
  );
}
