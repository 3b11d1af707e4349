/** An error in words that say what happened and what to do. */

import { Alert, Button, Code, Group, List, Text } from "@mantine/core";
import { useTranslate } from "./i18n.tsx";
import { Icon } from "./ui/Icon.tsx";

/** What errors of API clients have in common, as far as people are told. */
export interface Problem {
  message: string;
  status?: number;
  reason?: string;
  code?: string;
  requestId?: string;
  retryAfterMs?: number;
  detail?: { loc: (string | number)[]; msg: string }[];
}

export function problemOf(error: unknown): Problem {
  if (!(error instanceof Error)) return { message: String(error) };
  const { status, reason, code, requestId, retryAfterMs, detail } = error as Error & Partial<Problem>;
  // Clients write `404 AWE-002 unknown_request: words`; the words are for people, the rest is shown beside them.
  const message = error.message.replace(/^\d{3} \S* ?\S*?: /, "");
  return { message, status, reason, code, requestId, retryAfterMs, detail };
}

type Kind = "offline" | "forbidden" | "missing" | "conflict" | "invalid" | "busy" | "fault" | "other";

export function kindOf({ status }: Problem): Kind {
  if (status === undefined) return "offline";
  if (status === 403 || status === 401) return "forbidden";
  if (status === 404 || status === 410) return "missing";
  if (status === 409 || status === 412) return "conflict";
  if (status === 400 || status === 422 || status === 413) return "invalid";
  if (status === 408 || status === 429 || status === 503 || status === 504) return "busy";
  return status >= 500 ? "fault" : "other";
}

interface Props {
  error: unknown;
  onRetry?: () => void;
  title?: string;
}

export function ErrorNote({ error, onRetry, title }: Props) {
  const t = useTranslate();
  const problem = problemOf(error);
  const kind = kindOf(problem);
  const detail = (problem.detail ?? []).slice(0, 20);
  return (
    <Alert color="red" role="alert" icon={<Icon name="alert" />} title={title ?? t(`problem.${kind}`)}>
      <Text size="sm">{problem.message}</Text>
      {detail.length > 0 && (
        <List size="sm" mt={4}>
          {detail.map((one) => (
            <List.Item key={`${one.loc.join(".")} ${one.msg}`}>
              <Code>{one.loc.join(".")}</Code> {one.msg}
            </List.Item>
          ))}
        </List>
      )}
      <Text size="sm" mt={4}>
        {t(`problem.${kind}.advice`)}
      </Text>
      <Group mt="xs" gap="sm">
        {onRetry && (
          <Button size="xs" variant="default" onClick={onRetry}>
            {t("action.tryAgain")}
          </Button>
        )}
        {problem.code && (
          <Text size="xs" c="dimmed">
            {[problem.code, problem.reason, problem.requestId].filter(Boolean).join(" · ")}
          </Text>
        )}
      </Group>
    </Alert>
  );
}
