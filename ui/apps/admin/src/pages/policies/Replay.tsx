/** Past requests under another version: which would have gone otherwise, and how. */

import { Empty, ErrorNote, Export, Section, Status } from "@awe/kit";
import { Button, Group, NumberInput, Skeleton, Table, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useApi } from "../../api/client.tsx";
import { toneOf, useStateWord, useT } from "../../api/words.ts";
import type { Stored } from "./model.ts";

const OUTCOMES = ["same", "different", "undecided", "unknown"] as const;

export function Replay({ stored }: { stored: Stored }) {
  const t = useT();
  const word = useStateWord();
  const api = useApi();
  const [last, setLast] = useState(100);
  const run = useMutation({
    mutationFn: () =>
      api.call(
        "replay_policy_version",
        { path: { policy_key: stored.policy_key, version: stored.version }, body: { last } },
        { timeoutMs: 60_000 },
      ),
  });
  const told = run.data;
  return (
    <Section
      title={t("policy.tab.replay")}
      actions={
        told && (
          <Export
            name="replay"
            rows={told.requests.map(({ stages, words, ...rest }) => ({ ...rest, words: words.join(" ") }))}
          />
        )
      }
    >
      <Text size="sm" c="dimmed">
        {t("replay.what")}
      </Text>
      <Group align="end" my="sm">
        <NumberInput
          label={t("replay.last")}
          value={last}
          onChange={(value) => setLast(Number(value) || 1)}
          min={1}
          max={1_000}
          allowDecimal={false}
        />
        <Button onClick={() => run.mutate()} loading={run.isPending}>
          {t("replay.run")}
        </Button>
      </Group>
      {run.isError && <ErrorNote error={run.error} />}
      {run.isPending && <Skeleton height={80} />}
      {told && (
        <>
          <Group gap="xs" role="status" mb="sm">
            <Text fw={600}>{t("replay.looked", { count: told.looked_at })}</Text>
            {OUTCOMES.map((outcome) => (
              <Status key={outcome} tone={outcome === "same" ? "good" : outcome === "different" ? "warn" : "quiet"}>
                {t(`replay.${outcome}`, { count: told[outcome] })}
              </Status>
            ))}
          </Group>
          {told.stopped_early && <Text>{t("replay.early")}</Text>}
          {told.requests.length === 0 ? (
            <Empty title={t("replay.none")} icon="check" />
          ) : (
            <div className="kit-table">
              <Table>
                <caption className="kit-unseen">{t("policy.tab.replay")}</caption>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th scope="col">{t("request.title")}</Table.Th>
                    <Table.Th scope="col">{t("replay.ended")}</Table.Th>
                    <Table.Th scope="col">{t("replay.otherwise")}</Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {told.requests.map((one) => (
                    <Table.Tr key={one.request_id}>
                      <Table.Td data-label={t("request.title")}>
                        <Link to="/requests/$requestId" params={{ requestId: one.request_id }}>
                          <bdi>{one.artifact_id}</bdi>
                        </Link>
                      </Table.Td>
                      <Table.Td data-label={t("replay.ended")}>
                        <Status tone={toneOf(one.status)}>{word("request", one.status)}</Status>
                      </Table.Td>
                      <Table.Td data-label={t("replay.otherwise")}>
                        <div>
                          {one.words.map((words) => (
                            <div key={words}>{words}</div>
                          ))}
                        </div>
                      </Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </div>
          )}
        </>
      )}
    </Section>
  );
}
