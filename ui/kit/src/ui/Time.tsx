/** Moments, as the viewer reads them: in the zone they chose, with UTC on hover. */

import { useEffect, useState } from "react";
import { useIntl } from "react-intl";
import { usePreferences } from "../preferences.tsx";

type Moment = string | number | Date | null | undefined;
const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 365 * 86_400],
  ["month", 30 * 86_400],
  ["week", 7 * 86_400],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];
const EMPTY = "–";

export function utcText(at: Date): string {
  return `${at
    .toISOString()
    .replace("T", " ")
    .replace(/\.\d+Z$/, "")} UTC`;
}

/** "in 3 hours", "2 days ago": the largest unit that fits, rounded towards zero. */
export function relativeParts(seconds: number): [number, Intl.RelativeTimeFormatUnit] {
  for (const [unit, length] of UNITS) {
    if (Math.abs(seconds) >= length) return [Math.trunc(seconds / length), unit];
  }
  return [0, "minute"];
}

interface Props {
  at: Moment;
  /** `relative`: how far from now; `date`: only the day; `second`: to the second. */
  as?: "moment" | "relative" | "date" | "second";
}

export function Time({ at, as = "moment" }: Props) {
  const intl = useIntl();
  const zone = usePreferences().zone === "utc" ? "UTC" : undefined;
  const now = useNow(as === "relative");
  if (at === null || at === undefined || at === "") return <span>{EMPTY}</span>;
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return <span>{String(at)}</span>;
  const options: Intl.DateTimeFormatOptions =
    as === "date" ? { dateStyle: "medium" } : { dateStyle: "medium", timeStyle: as === "second" ? "medium" : "short" };
  const whole = intl.formatDate(date, { ...options, timeZone: zone });
  const [count, unit] = relativeParts((date.getTime() - now) / 1000);
  const text = as === "relative" ? intl.formatRelativeTime(count, unit, { numeric: "auto" }) : whole;
  return (
    <time dateTime={date.toISOString()} title={as === "relative" ? `${whole} · ${utcText(date)}` : utcText(date)}>
      {text}
    </time>
  );
}

/** Milliseconds now; renewed each half minute where something on the page counts from it. */
export function useNow(ticking = true): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!ticking) return;
    const timer = setInterval(() => setNow(Date.now()), 30_000);
    return () => clearInterval(timer);
  }, [ticking]);
  return now;
}

/** How long: "1 h 20 min" of seconds or milliseconds below two seconds, in the viewer's language. */
export function Duration({ ms }: { ms: number | null | undefined }) {
  const intl = useIntl();
  return <>{ms === null || ms === undefined ? EMPTY : durationText(intl.locale, ms)}</>;
}

export function durationText(locale: string, ms: number): string {
  const say = (value: number, unit: string) =>
    new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: 1 }).format(
      value,
    );
  if (ms < 2_000) return say(Math.round(ms), "millisecond");
  const seconds = ms / 1000;
  if (seconds < 120) return say(Math.round(seconds), "second");
  if (seconds < 7_200) return say(Math.round(seconds / 60), "minute");
  if (seconds < 172_800) return say(seconds / 3_600, "hour");
  return say(seconds / 86_400, "day");
}
