/** Development mode: choose who to be. */

import { Badge, Button, Card, Center, Group, Stack, Text, TextInput, Title } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useTranslate } from "../i18n.tsx";
import type { DevelopmentUser } from "./types.ts";

interface Props {
  title: string;
  users: DevelopmentUser[];
  onChoose: (user: DevelopmentUser) => void;
}

export function SignInAs({ title, users, onChoose }: Props) {
  const t = useTranslate();
  return (
    <Center mih="100vh" p="md" component="main">
      <Card withBorder padding="lg" w="100%" maw={460} shadow="sm">
        <Stack gap="md">
          <div>
            <Title order={1} size="h3">
              {title}
            </Title>
            <Text c="dimmed" size="sm">
              {t("development.choose")}
            </Text>
          </div>
          <UserList users={users} onChoose={onChoose} />
          <Somebody onChoose={onChoose} />
        </Stack>
      </Card>
    </Center>
  );
}

export function UserList({ users, current, onChoose }: Omit<Props, "title"> & { current?: string }) {
  return (
    <Stack gap={6} component="ul" className="kit-plain-list">
      {users.map((user) => (
        <li key={user.subject}>
          <Button
            variant={user.subject === current ? "light" : "default"}
            aria-current={user.subject === current || undefined}
            fullWidth
            justify="space-between"
            onClick={() => onChoose(user)}
            rightSection={
              <Group gap={4}>
                {user.roles.map((role) => (
                  <Badge key={role} size="sm" variant="light">
                    {role}
                  </Badge>
                ))}
              </Group>
            }
          >
            {user.name}
          </Button>
        </li>
      ))}
    </Stack>
  );
}

export function Somebody({ onChoose }: Pick<Props, "onChoose">) {
  const t = useTranslate();
  const [subject, setSubject] = useState("");
  const [roles, setRoles] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const name = subject.trim();
    if (name) onChoose({ subject: name, name, roles: roles.split(/[\s,]+/).filter(Boolean) });
  };
  return (
    <form onSubmit={submit}>
      <Group align="end" gap="xs" wrap="wrap">
        <TextInput
          label={t("development.subject")}
          value={subject}
          onChange={(event) => setSubject(event.currentTarget.value)}
          maxLength={200}
          flex="1 1 140px"
        />
        <TextInput
          label={t("development.roles")}
          value={roles}
          onChange={(event) => setRoles(event.currentTarget.value)}
          flex="1 1 140px"
        />
        <Button type="submit" variant="default" disabled={!subject.trim()}>
          {t("session.signIn")}
        </Button>
      </Group>
    </form>
  );
}
