/** Why a request waits, what time alone will do, and who could move it. */

import { Empty, Section, Time } from "@awe/kit";
import { Text } from "@mantine/core";
import { useT, type Word } from "../../api/words.ts";
import { People } from "../../parts/Person.tsx";
import type { Progress } from "./story.tsx";

const WAITS = new Set(["approvers", "required_approver", "resolver", "nobody"]);
const ACTIONS = new Set(["decide", "reassign", "cancel", "retry_resolver"]);
const EFFECTS = new Set(["notify", "escalate", "auto_approve", "auto_reject", "expire", "retry", "remind"]);

export function Why({ progress }: { progress: Progress }) {
  const t = useT();
  const stageName = (order: number | null | undefined) =>
    progress.stages.find((stage) => stage.stage_order === order)?.name ?? "";
  const nothing = progress.waiting_for.length === 0 && progress.next.length === 0 && progress.unblock.length === 0;
  return (
    <Section title={t("why.title")}>
      {nothing ? (
        <Empty title={t("why.nothing")} icon="info" />
      ) : (
        <div className="admin-why">
          {progress.waiting_for.map((one) => (
            <p key={`${one.kind} ${one.stage_order} ${one.who.join()}`}>
              <Text span fw={600}>
                {t((WAITS.has(one.kind) ? `why.${one.kind}` : "why.other") as Word, {
                  count: one.needed ?? 0,
                  stage: stageName(one.stage_order),
                  kind: one.kind,
                })}
              </Text>{" "}
              {one.who.length > 0 && <People ids={one.who} />}{" "}
              {one.since && (
                <span className="kit-dim">
                  {t("why.since")} <Time at={one.since} as="relative" />
                </span>
              )}
              {one.error && <Text c="red">{one.error}</Text>}
            </p>
          ))}
          {progress.next.length > 0 && (
            <>
              <Text fw={600}>{t("why.next")}</Text>
              <ul className="admin-plain">
                {progress.next.map((one) => (
                  <li key={`${one.what} ${one.at} ${one.stage_order}`}>
                    <Time at={one.at} /> (<Time at={one.at} as="relative" />
                    ):{" "}
                    {t((EFFECTS.has(one.effect) ? `effect.${one.effect}` : "effect.other") as Word, {
                      effect: one.effect,
                      stage: stageName(one.stage_order),
                    })}
                  </li>
                ))}
              </ul>
            </>
          )}
          {progress.unblock.length > 0 && (
            <>
              <Text fw={600} mt="xs">
                {t("why.unblock")}
              </Text>
              <ul className="admin-plain">
                {progress.unblock.map((one) => (
                  <li key={`${one.action} ${one.task_id} ${one.stage_order}`}>
                    <People ids={one.who} />:{" "}
                    {t((ACTIONS.has(one.action) ? `unblock.${one.action}` : "unblock.other") as Word, {
                      action: one.action,
                      stage: stageName(one.stage_order),
                    })}
                  </li>
                ))}
              </ul>
            </>
          )}
        </div>
      )}
    </Section>
  );
}
