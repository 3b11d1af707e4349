/** Bars over days, each made of parts; the same numbers as a table for whoever cannot see or point. */

import { Table } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { useIntl } from "react-intl";
import { useTranslate } from "../i18n.tsx";

export interface Series {
  id: string;
  name: string;
  /** 0 to 4: of the palette, each with a pattern of its own. */
  tone: number;
}
export interface Bar {
  /** A date as `2026-11-30`. */
  day: string;
  values: Record<string, number>;
}

const HEIGHT = 120;
const STEP = 24;
/** As many as can be told apart on a phone; the table has all. */
const NARROW_DAYS = 14;

export function DayChart({ title, series, bars }: { title: string; series: Series[]; bars: Bar[] }) {
  const t = useTranslate();
  const intl = useIntl();
  const dayText = (day: string) =>
    intl.formatDate(`${day}T00:00:00Z`, { day: "numeric", month: "short", timeZone: "UTC" });
  const isNarrow = useMediaQuery("(max-width: 640px)");
  const drawn = isNarrow ? bars.slice(-NARROW_DAYS) : bars;
  const total = (bar: Bar) => series.reduce((sum, one) => sum + (bar.values[one.id] ?? 0), 0);
  const most = Math.max(1, ...drawn.map(total));
  const width = drawn.length * STEP;
  return (
    <figure className="kit-chart">
      <figcaption>
        <ul className="kit-legend">
          {series.map((one) => (
            <li key={one.id}>
              <span className="kit-swatch" data-part={one.tone} /> {one.name}
            </li>
          ))}
        </ul>
      </figcaption>
      <svg
        viewBox={`0 0 ${width} ${HEIGHT + 20}`}
        role="img"
        aria-label={t("chart.label", { title, days: drawn.length, most })}
      >
        {drawn.map((bar, at) => {
          let y = HEIGHT;
          return (
            <g key={bar.day}>
              <title>{`${dayText(bar.day)}: ${series.map((one) => `${one.name} ${intl.formatNumber(bar.values[one.id] ?? 0)}`).join(", ")}`}</title>
              <rect x={at * STEP} y={0} width={STEP} height={HEIGHT} fill="transparent" />
              {series.map((one) => {
                const height = ((bar.values[one.id] ?? 0) / most) * (HEIGHT - 8);
                y -= height;
                return height > 0 ? (
                  <rect
                    key={one.id}
                    data-part={one.tone}
                    x={at * STEP + 3}
                    y={y}
                    width={STEP - 6}
                    height={Math.max(height, 1)}
                    rx={1}
                  />
                ) : null;
              })}
              {((at % 7 === 0 && at < drawn.length - 4) || at === drawn.length - 1) && (
                <text
                  x={at * STEP + STEP / 2}
                  y={HEIGHT + 16}
                  textAnchor={at === 0 ? "start" : at === drawn.length - 1 ? "end" : "middle"}
                >
                  {dayText(bar.day)}
                </text>
              )}
            </g>
          );
        })}
        <line x1={0} x2={width} y1={HEIGHT} y2={HEIGHT} />
      </svg>
      <details className="kit-no-print">
        <summary>{t("chart.table")}</summary>
        <Table withTableBorder verticalSpacing={4}>
          <caption className="kit-unseen">{title}</caption>
          <Table.Thead>
            <Table.Tr>
              <Table.Th scope="col">{t("chart.day")}</Table.Th>
              {series.map((one) => (
                <Table.Th key={one.id} scope="col" className="kit-end">
                  {one.name}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {bars.map((bar) => (
              <Table.Tr key={bar.day}>
                <Table.Td>{dayText(bar.day)}</Table.Td>
                {series.map((one) => (
                  <Table.Td key={one.id} className="kit-end">
                    {intl.formatNumber(bar.values[one.id] ?? 0)}
                  </Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </details>
    </figure>
  );
}
