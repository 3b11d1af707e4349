/** What runs, how it is and how it is set; secrets are never told. */

import type { Schemas } from "@awe/client";
import { ErrorNote, Export, Facts, Page, Section, Status, Time, usePollInterval } from "@awe/kit";
import { Skeleton, Stack, Table, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useApi } from "../api/client.tsx";
import { toneOf, useStateWord, useT } from "../api/words.ts";

type Group = Schemas["SystemConfigGroup"];

export function System() {
  const t = useT();
  const api = useApi();
  const config = useQuery({
    queryKey: ["system-config"],
    queryFn: ({ signal }) => api.call("get_system_config", {}, { signal }),
    staleTime: 60_000,
  });
  const rows = (config.data?.groups ?? []).flatMap((group) =>
    group.fields.map(({ key, value, unit }) => ({ group: group.title, key, value, unit })),
  );
  return (
    <Page title={t("nav.system")} actions={<Export name="system-config" rows={rows} />}>
      <div className="admin-two">
        <Health />
        <Version />
      </div>
      {config.isError && <ErrorNote error={config.error} onRetry={() => config.refetch()} />}
      {config.isPending && <Skeleton height={300} />}
      {config.data && <Configuration groups={config.data.groups} />}
    </Page>
  );
}

function Health() {
  const t = useT();
  const api = useApi();
  const poll = usePollInterval();
  const query = useQuery({
    queryKey: ["health"],
    queryFn: ({ signal }) => api.call("get_parts_health", {}, { signal }),
    refetchInterval: poll || 15_000,
  });
  const wordOf = useStateWord();
  return (
    <Section title={t("system.health")}>
      {query.isPending && <Skeleton height={160} />}
      {query.isError && <ErrorNote error={query.error} onRetry={() => query.refetch()} />}
      {query.data && (
        <Stack gap="xs">
          <Facts
            facts={query.data.parts.map(({ part, status, message }) => [
              wordOf("part", part),
              <div key={part}>
                <Status tone={toneOf(status)}>{wordOf("health", status)}</Status>
                <Text size="xs" c="dimmed" component="div" data-server-words dir="auto">
                  {message}
                </Text>
              </div>,
            ])}
          />
          <Text size="xs" c="dimmed">
            {t("system.asOf")} <Time at={query.data.as_of} />
          </Text>
        </Stack>
      )}
    </Section>
  );
}

function Version() {
  const t = useT();
  const api = useApi();
  const query = useQuery({
    queryKey: ["version"],
    queryFn: ({ signal }) => api.call("version", {}, { signal }),
    staleTime: 60_000,
  });
  const told = query.data?.response;
  return (
    <Section title={t("system.version")}>
      {query.isError && <ErrorNote error={query.error} onRetry={() => query.refetch()} />}
      {told && (
        <Facts
          facts={[
            [t("system.server"), told.service_version],
            [
              t("system.commit"),
              <span key="c" className="kit-code">
                {told.git_commit.slice(0, 12)}
              </span>,
            ],
            [t("system.built"), <Time key="b" at={told.build_time} />],
          ]}
        />
      )}
    </Section>
  );
}

function Configuration({ groups }: { groups: Group[] }) {
  const t = useT();
  const [text, setText] = useState("");
  const wanted = text.trim().toLowerCase();
  const fits = (words: string) => words.toLowerCase().includes(wanted);
  const shown = groups
    .map((group) => ({
      ...group,
      fields: group.fields.filter((field) => fits(`${group.title} ${field.key} ${field.label}`)),
    }))
    .filter((group) => group.fields.length > 0);
  return (
    <>
      <TextInput
        label={t("system.find")}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        maw={340}
        className="kit-no-print"
      />
      {shown.length === 0 && <Text c="dimmed">{t("system.none")}</Text>}
      <div data-server-words className="admin-stack">
        {shown.map((group) => (
          <Section key={group.id} title={group.title}>
            <div className="kit-table">
              <Table verticalSpacing={4} layout="fixed">
                <caption className="kit-unseen">{group.title}</caption>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th scope="col">{t("system.setting")}</Table.Th>
                    <Table.Th scope="col">{t("system.value")}</Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {group.fields.map((field) => (
                    <Table.Tr key={field.key}>
                      <Table.Td data-label={t("system.setting")}>
                        <div>
                          {field.label}
                          <Text size="xs" c="dimmed" component="div" className="kit-code">
                            {field.key}
                          </Text>
                        </div>
                      </Table.Td>
                      <Table.Td data-label={t("system.value")}>
                        <span className="kit-code">{field.value}</span> {field.unit}{" "}
                        {field.is_masked && (
                          <Status tone="quiet" icon="key">
                            {t("system.masked")}
                          </Status>
                        )}
                      </Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </div>
          </Section>
        ))}
      </div>
    </>
  );
}
