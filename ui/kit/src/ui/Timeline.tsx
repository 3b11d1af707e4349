/** What happened, in order; long silences are told, not drawn. */

import type { ReactNode } from "react";
import { useIntl } from "react-intl";
import { useTranslate } from "../i18n.tsx";
import { Icon, type IconName } from "./Icon.tsx";
import type { Tone } from "./small.tsx";
import { durationText, Time } from "./Time.tsx";

export interface Happening {
  id: string;
  at: string;
  title: ReactNode;
  detail?: ReactNode;
  tone: Tone;
  icon: IconName;
}

/** Silences shorter than this are not worth a word. */
const QUIET_MS = 60 * 60_000;

export function Timeline({ label, happenings }: { label: string; happenings: Happening[] }) {
  const t = useTranslate();
  const intl = useIntl();
  return (
    <ol className="kit-timeline" aria-label={label}>
      {happenings.map((one, at) => {
        const before = happenings[at - 1];
        const silence = before ? Date.parse(one.at) - Date.parse(before.at) : 0;
        return (
          <li key={one.id} data-tone={one.tone}>
            {silence >= QUIET_MS && (
              <p className="kit-silence">{t("timeline.later", { time: durationText(intl.locale, silence) })}</p>
            )}
            <span className="kit-dot">
              <Icon name={one.icon} size={14} />
            </span>
            <div>
              <div className="kit-happening">
                <span>{one.title}</span>
                <Time at={one.at} as="second" />
              </div>
              {one.detail && <div className="kit-detail">{one.detail}</div>}
            </div>
          </li>
        );
      })}
    </ol>
  );
}
