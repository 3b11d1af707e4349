/** A JSON object as people read it: one line for each thing that it says, however deep. */

import { useIntl } from "react-intl";
import { useTranslate } from "../i18n.tsx";

const MOST_LINES = 200;

export interface Line {
  path: string;
  value: unknown;
}

/** Names joined by dots down to what is no object; a list of plain things is one line. */
export function linesOf(value: unknown, path = "", lines: Line[] = []): Line[] {
  if (lines.length >= MOST_LINES) return lines;
  const isPlain = (one: unknown) => one === null || typeof one !== "object";
  if (Array.isArray(value)) {
    if (value.every(isPlain)) lines.push({ path, value });
    else for (const [at, one] of value.entries()) linesOf(one, `${path}[${at + 1}]`, lines);
  } else if (!isPlain(value)) {
    const entries = Object.entries(value as object);
    if (entries.length === 0) lines.push({ path, value: null });
    for (const [name, one] of entries) linesOf(one, path === "" ? name : `${path}.${name}`, lines);
  } else lines.push({ path, value });
  return lines;
}

/** `household_size` as "Household size": names of fields are for programs. */
export function nameText(path: string): string {
  const words = path.replaceAll("_", " ").replaceAll(".", " › ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export function DataTable({ data, label }: { data: unknown; label: string }) {
  const t = useTranslate();
  const intl = useIntl();
  const lines = data === null || data === undefined ? [] : linesOf(data);
  const say = (value: unknown): string => {
    if (value === null || value === undefined || value === "") return "–";
    if (typeof value === "boolean") return t(value ? "yes" : "no");
    if (typeof value === "number") return intl.formatNumber(value, { maximumFractionDigits: 20 });
    return Array.isArray(value) ? value.map(say).join(", ") || "–" : String(value);
  };
  if (lines.length === 0 || (lines.length === 1 && lines[0]?.path === ""))
    return <p className="kit-dim">{t("data.none")}</p>;
  return (
    <>
      <dl className="kit-data" aria-label={label}>
        {lines.map(({ path, value }) => (
          <div key={path}>
            <dt title={path}>{nameText(path)}</dt>
            <dd dir="auto">{say(value)}</dd>
          </div>
        ))}
      </dl>
      {lines.length >= MOST_LINES && <p className="kit-dim">{t("data.more")}</p>}
    </>
  );
}

interface DifferenceProps {
  before: unknown;
  after: unknown;
  /** What a field is called, where its path is not what people say. */
  nameOf?: (path: string) => string;
}

/** Before and after, only where they differ. */
export function Difference({ before, after, nameOf = (path) => path }: DifferenceProps) {
  const t = useTranslate();
  const changes = differences(before, after);
  if (changes.length === 0) return <p className="kit-dim">{t("data.same")}</p>;
  const say = (value: unknown) =>
    value === undefined ? "–" : typeof value === "string" ? value : JSON.stringify(value);
  return (
    <table className="kit-diff">
      <thead>
        <tr>
          <th scope="col">{t("data.field")}</th>
          <th scope="col">{t("data.before")}</th>
          <th scope="col">{t("data.after")}</th>
        </tr>
      </thead>
      <tbody>
        {changes.map((one) => (
          <tr key={one.path}>
            <th scope="row">{nameOf(one.path)}</th>
            <td data-label={t("data.before")}>{one.before === undefined ? "–" : <del>{say(one.before)}</del>}</td>
            <td data-label={t("data.after")}>{one.after === undefined ? "–" : <ins>{say(one.after)}</ins>}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function differences(before: unknown, after: unknown): { path: string; before: unknown; after: unknown }[] {
  const [old, now] = [before, after].map(
    (value) => new Map(value ? linesOf(value).map(({ path, value }) => [path, value]) : []),
  );
  const paths = [...new Set([...(old?.keys() ?? []), ...(now?.keys() ?? [])])];
  return paths
    .map((path) => ({ path, before: old?.get(path), after: now?.get(path) }))
    .filter((one) => JSON.stringify(one.before) !== JSON.stringify(one.after));
}
