/** Secrets that webhooks are signed with. One is shown once, when it is made. */

import type { Schemas } from "@awe/client";
import { type Column, Confirm, Copy, Duration, Empty, Icon, Page, QueryTable, Status, Time } from "@awe/kit";
import {
  Alert,
  Button,
  Code,
  Group,
  Modal,
  NumberInput,
  PasswordInput,
  Stack,
  TagsInput,
  Text,
  TextInput,
} from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useApi } from "../api/client.tsx";
import { toneOf, useStateWord, useT } from "../api/words.ts";
import { Person } from "../parts/Person.tsx";

type Secret = Schemas["CallbackSecretOut"];
type Created = Schemas["CallbackSecretCreatedOut"];
type Deed = { act: "create" } | { act: "rotate" | "revoke" | "ping" | "edit"; secret: Secret };
const GRACE_HOURS = 24;

export function Secrets() {
  const t = useT();
  const api = useApi();
  const word = useStateWord();
  const [deed, setDeed] = useState<Deed>();
  const [made, setMade] = useState<Created>();
  const query = useQuery({
    queryKey: ["secrets"],
    queryFn: async ({ signal }) => ({ items: await api.call("list_callback_secrets", {}, { signal }) }),
  });
  const columns: Column<Secret>[] = [
    { id: "caller", title: t("secret.caller"), cell: (one) => <Person id={one.caller_service} /> },
    {
      id: "status",
      title: t("request.status"),
      cell: (one) => <Status tone={toneOf(one.status)}>{word("secret", one.status)}</Status>,
    },
    { id: "created", title: t("request.created"), cell: (one) => <Time at={one.created_at} /> },
    { id: "expires", title: t("secret.until"), cell: (one) => <Time at={one.expires_at} /> },
    {
      id: "clients",
      title: t("secret.clients"),
      cell: (one) => (one.clients?.length ? one.clients.join(", ") : t("secret.ownerOnly")),
      minor: true,
    },
    { id: "credential", title: t("secret.credential"), cell: (one) => one.credential ?? "–", minor: true },
    {
      id: "do",
      title: t("seats.do"),
      cell: (secret) => (
        <Group gap={6}>
          {secret.status === "active" &&
            (["ping", "rotate", "edit"] as const).map((act) => (
              <Button key={act} size="xs" variant="default" onClick={() => setDeed({ act, secret })}>
                {t(`secret.${act}`)}
              </Button>
            ))}
          {secret.status !== "revoked" && (
            <Button size="xs" variant="outline" color="red" onClick={() => setDeed({ act: "revoke", secret })}>
              {t("secret.revoke")}
            </Button>
          )}
        </Group>
      ),
    },
  ];
  const close = () => setDeed(undefined);
  return (
    <Page
      title={t("nav.secrets")}
      subtitle={t("secret.what")}
      actions={<Button onClick={() => setDeed({ act: "create" })}>{t("secret.create")}</Button>}
    >
      <QueryTable
        caption={t("nav.secrets")}
        columns={columns}
        query={query}
        id={(one) => one.id}
        empty={
          <Empty title={t("secret.none")} icon="key">
            {t("secret.none.why")}
          </Empty>
        }
      />
      <Create opened={deed?.act === "create"} onClose={close} onMade={setMade} />
      {deed && deed.act !== "create" && <Deeds deed={deed} onClose={close} onMade={setMade} />}
      <Once created={made} onClose={() => setMade(undefined)} />
    </Page>
  );
}

/** Shows a new secret, this once. Closing is said in full, since it cannot be had again. */
function Once({ created, onClose }: { created: Created | undefined; onClose: () => void }) {
  const t = useT();
  return (
    <Modal
      opened={created !== undefined}
      onClose={onClose}
      title={t("secret.once")}
      closeOnClickOutside={false}
      closeOnEscape={false}
      withCloseButton={false}
      size="lg"
    >
      {created && (
        <Stack>
          <Alert color="orange" icon={<Icon name="alert" />}>
            {t("secret.once.why")}
          </Alert>
          <Copy text={created.secret} label={t("secret.copy")}>
            <Code className="kit-break">{created.secret}</Code>
          </Copy>
          <Group justify="flex-end">
            <Button onClick={onClose}>{t("secret.kept")}</Button>
          </Group>
        </Stack>
      )}
    </Modal>
  );
}

interface Made {
  onClose: () => void;
  onMade: (created: Created) => void;
}

function Create({ opened, onClose, onMade }: Made & { opened: boolean }) {
  const t = useT();
  const api = useApi();
  const client = useQueryClient();
  const [caller, setCaller] = useState("");
  const [clients, setClients] = useState<string[]>([]);
  const [credential, setCredential] = useState("");
  const [secret, setSecret] = useState("");
  return (
    <Confirm
      opened={opened}
      onClose={onClose}
      title={t("secret.create")}
      effect={t("secret.create.effect")}
      act={t("secret.create")}
      disabled={!caller.trim()}
      onConfirm={async () => {
        const body = {
          caller_service: caller.trim(),
          clients: clients.length ? clients : null,
          credential: credential.trim() || null,
          secret: secret || null,
        };
        const created = await api.call("create_callback_secret", { body });
        setCaller("");
        setClients([]);
        setCredential("");
        setSecret("");
        onMade(created);
        client.invalidateQueries({ queryKey: ["secrets"] });
      }}
    >
      <Stack gap="xs">
        <TextInput
          label={t("secret.caller")}
          description={t("secret.caller.what")}
          required
          value={caller}
          onChange={(event) => setCaller(event.currentTarget.value)}
          maxLength={200}
        />
        <TagsInput
          label={t("secret.clients")}
          description={t("secret.clients.what")}
          value={clients}
          onChange={setClients}
          comboboxProps={{ withinPortal: false }}
        />
        <TextInput
          label={t("secret.credential")}
          description={t("secret.credential.what")}
          value={credential}
          onChange={(event) => setCredential(event.currentTarget.value)}
        />
        <PasswordInput
          label={t("secret.own")}
          description={t("secret.own.what")}
          value={secret}
          onChange={(event) => setSecret(event.currentTarget.value)}
          autoComplete="off"
          visibilityToggleButtonProps={{ "aria-label": t("secret.own.show") }}
        />
      </Stack>
    </Confirm>
  );
}

function Deeds({ deed, onClose, onMade }: Made & { deed: Exclude<Deed, { act: "create" }> }) {
  const t = useT();
  const api = useApi();
  const client = useQueryClient();
  const { secret } = deed;
  const path = { secret_id: secret.id };
  const [hours, setHours] = useState(GRACE_HOURS);
  const renew = () => client.invalidateQueries({ queryKey: ["secrets"] });
  if (deed.act === "ping") return <Ping secret={secret} onClose={onClose} />;
  if (deed.act === "edit") return <Edit secret={secret} onClose={onClose} />;
  if (deed.act === "rotate") {
    return (
      <Confirm
        opened
        onClose={onClose}
        title={t("secret.rotate.title")}
        effect={t("secret.rotate.effect", { hours })}
        act={t("secret.rotate")}
        onConfirm={async () => {
          onMade(await api.call("rotate_callback_secret", { path, body: { grace_hours: hours } }));
          renew();
        }}
      >
        <NumberInput
          label={t("secret.rotate.hours")}
          value={hours}
          onChange={(value) => setHours(Number(value))}
          min={0}
          max={720}
          allowDecimal={false}
        />
      </Confirm>
    );
  }
  return (
    <Confirm
      opened
      onClose={onClose}
      title={t("secret.revoke.title")}
      effect={t("secret.revoke.effect", { caller: secret.caller_service })}
      act={t("secret.revoke")}
      danger
      onConfirm={async () => {
        await api.call("revoke_callback_secret", { path });
        renew();
      }}
    />
  );
}

function Edit({ secret, onClose }: { secret: Secret; onClose: () => void }) {
  const t = useT();
  const api = useApi();
  const client = useQueryClient();
  const [clients, setClients] = useState(secret.clients ?? []);
  const [credential, setCredential] = useState(secret.credential ?? "");
  return (
    <Confirm
      opened
      onClose={onClose}
      title={t("secret.edit")}
      effect={t("secret.edit.effect", { caller: secret.caller_service })}
      act={t("secret.save")}
      onConfirm={async () => {
        await api.call("update_callback_secret", {
          path: { secret_id: secret.id },
          body: { clients, credential: credential.trim() || null },
        });
        await client.invalidateQueries({ queryKey: ["secrets"] });
      }}
    >
      <Stack gap="xs">
        <TagsInput
          label={t("secret.clients")}
          description={t("secret.clients.what")}
          value={clients}
          onChange={setClients}
          comboboxProps={{ withinPortal: false }}
        />
        <TextInput
          label={t("secret.credential")}
          description={t("secret.credential.what")}
          value={credential}
          onChange={(event) => setCredential(event.currentTarget.value)}
        />
      </Stack>
    </Confirm>
  );
}

function Ping({ secret, onClose }: { secret: Secret; onClose: () => void }) {
  const t = useT();
  const api = useApi();
  const [url, setUrl] = useState("");
  const [told, setTold] = useState<Schemas["CallbackPingOut"]>();
  const [error, setError] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const ping = async () => {
    setBusy(true);
    setTold(undefined);
    setError(undefined);
    try {
      setTold(
        await api.call(
          "ping_callback_secret",
          { path: { secret_id: secret.id }, body: { url: url.trim() } },
          { timeoutMs: 40_000 },
        ),
      );
    } catch (failure) {
      setError((failure as Error).message);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal opened onClose={onClose} title={t("secret.ping.title")} closeButtonProps={{ "aria-label": t("bulk.close") }}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          ping();
        }}
      >
        <Stack>
          <Text>{t("secret.ping.effect")}</Text>
          <TextInput
            label={t("delivery.url")}
            type="url"
            required
            value={url}
            onChange={(event) => setUrl(event.currentTarget.value)}
            placeholder="https://registry.example.org/hooks/approval"
            data-autofocus
          />
          {error && (
            <Alert color="red" role="alert">
              {error}
            </Alert>
          )}
          {told && (
            <Alert
              color={told.delivered ? "green" : "red"}
              role="status"
              title={told.delivered ? t("secret.ping.arrived") : t("secret.ping.failed")}
            >
              {told.status_code ?? "–"} · <Duration ms={told.latency_ms} /> {told.error}
              {told.response_excerpt && <pre className="admin-pre">{told.response_excerpt}</pre>}
            </Alert>
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t("bulk.close")}
            </Button>
            <Button type="submit" loading={isBusy} disabled={!url.trim()}>
              {t("secret.ping")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
