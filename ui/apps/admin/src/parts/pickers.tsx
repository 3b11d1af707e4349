/** Fields that are filled from the directory. What it does not know may be typed all the same: it may be away. */

import { Autocomplete, Loader, Text } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useApi } from "../api/client.tsx";
import { useT } from "../api/words.ts";
import { useName } from "./Person.tsx";

interface Props {
  label: string;
  value: string;
  onChange: (value: string) => void;
  error?: ReactNode;
  required?: boolean;
  description?: string;
}

interface Found {
  value: string;
  label: string;
}

interface DirectoryProps extends Props {
  kind: string;
  find: (text: string, signal: AbortSignal) => Promise<Found[]>;
  /** What is chosen, in words. */
  chosen?: string;
}

function DirectoryField({ kind, find, chosen, label, value, onChange, error, required, description }: DirectoryProps) {
  const t = useT();
  const [text, setText] = useState(value);
  const [wanted] = useDebouncedValue(text, 250);
  const { data, isFetching, isError } = useQuery({
    queryKey: ["directory", kind, wanted],
    queryFn: ({ signal }) => find(wanted, signal),
    staleTime: 60_000,
    retry: false,
  });
  // Whoever types fast and goes on by keys must not choose from what was found for fewer letters.
  const options = text === wanted ? (data ?? []) : [];
  const names = new Map(options.map((option) => [option.value, option.label]));
  return (
    <Autocomplete
      label={label}
      description={description}
      required={required}
      error={error}
      value={value}
      data={options.map((option) => option.value)}
      filter={({ options: all }) => all}
      comboboxProps={{ withinPortal: false }}
      maxLength={200}
      onChange={(next) => {
        setText(next);
        onChange(next);
      }}
      rightSection={isFetching ? <Loader size="xs" /> : undefined}
      renderOption={({ option }) => (
        <div>
          <Text size="sm">{names.get(option.value) ?? option.value}</Text>
          {names.get(option.value) !== option.value && (
            <Text size="xs" c="dimmed">
              {option.value}
            </Text>
          )}
        </div>
      )}
      inputWrapperOrder={["label", "description", "input", "error"]}
      inputContainer={(input) => (
        <>
          {input}
          <Text size="xs" c="dimmed" mih={18} component="div">
            {isError ? t("picker.away") : (chosen ?? names.get(value) ?? "")}
          </Text>
        </>
      )}
    />
  );
}

export function UserPicker(props: Props) {
  const api = useApi();
  const t = useT();
  const name = useName(props.value || null);
  return (
    <DirectoryField
      {...props}
      kind="users"
      chosen={name}
      find={async (q, signal) => {
        const users = await api.call("find_users", { query: q ? { q } : {} }, { signal });
        return users.map((user) => ({
          value: user.id,
          label: [user.name ?? user.username, user.email, user.enabled ? "" : t("picker.disabled")]
            .filter(Boolean)
            .join(" · "),
        }));
      }}
    />
  );
}

export function RolePicker({ client, ...props }: Props & { client?: string }) {
  const api = useApi();
  return (
    <DirectoryField
      {...props}
      kind={`roles ${client ?? ""}`}
      find={async (q, signal) => {
        const roles = await api.call(
          "find_roles",
          { query: { ...(q ? { q } : {}), ...(client ? { client } : {}) } },
          { signal },
        );
        return roles.map((role) => ({
          value: role.name,
          label: role.description ? `${role.name} · ${role.description}` : role.name,
        }));
      }}
    />
  );
}

export function GroupPicker(props: Props) {
  const api = useApi();
  return (
    <DirectoryField
      {...props}
      kind="groups"
      find={async (q, signal) => {
        const groups = await api.call("find_groups", { query: q ? { q } : {} }, { signal });
        return groups.map((group) => ({ value: group.path, label: group.path }));
      }}
    />
  );
}

export function ClientPicker(props: Props) {
  const api = useApi();
  return (
    <DirectoryField
      {...props}
      kind="clients"
      find={async (q, signal) => {
        const clients = await api.call("find_clients", { query: q ? { q } : {} }, { signal });
        return clients.map((client) => ({
          value: client.client_id,
          label: client.name ? `${client.client_id} · ${client.name}` : client.client_id,
        }));
      }}
    />
  );
}
