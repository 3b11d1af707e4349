/** All that is wrong with a document, each a way to where it is. */

import { Icon, Section, Status, useUrl } from "@awe/kit";
import { Button, Text } from "@mantine/core";
import { useT } from "../../api/words.ts";
import { type Policy, pointerParts } from "./model.ts";
import type { Lint } from "./useLint.ts";

export function Problems({ lint, policy }: { lint: Lint; policy: Policy }) {
  const t = useT();
  const url = useUrl();
  const placeOf = (pointer: string) => {
    const [first, at] = pointerParts(pointer);
    if (first !== "stages" || typeof at !== "number") return undefined;
    return { at, name: policy.stages?.[at]?.name || t("designer.unnamed") };
  };
  return (
    <Section title={t("lint.title")}>
      <div role="status" aria-live="polite">
        {lint.problems.length === 0 ? (
          <Text c="dimmed">{lint.isKnown ? t("lint.none") : t("lint.looking")}</Text>
        ) : (
          <ul className="admin-problems">
            {lint.problems.map((one) => {
              const place = placeOf(one.pointer);
              return (
                <li key={`${one.pointer} ${one.message}`}>
                  <Status tone={one.severity === "error" ? "bad" : "warn"}>
                    {t(one.severity === "error" ? "lint.error" : "lint.advice")}
                  </Status>
                  <span>
                    {place && <strong>{place.name}: </strong>}
                    {one.field && <span className="kit-code">{one.field}</span>} {one.message}
                    {one.hint && <span className="kit-dim"> {one.hint}</span>}
                  </span>
                  {place && (
                    <Button
                      size="compact-xs"
                      variant="subtle"
                      rightSection={<Icon name="next" size={12} />}
                      onClick={() => url.set({ stage: String(place.at), view: undefined })}
                    >
                      {t("lint.go")}
                    </Button>
                  )}
                </li>
              );
            })}
          </ul>
        )}
      </div>
    </Section>
  );
}
