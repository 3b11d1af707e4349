/** Says that the session has ended. Nothing is lost: one may stay and copy, or sign in and go on. */

import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { useTranslate } from "../i18n.tsx";

interface Props {
  onStay: () => void;
  onSignIn: () => void;
}

export function SessionOver({ onStay, onSignIn }: Props) {
  const t = useTranslate();
  return (
    <Modal opened onClose={onStay} title={t("session.over")} closeButtonProps={{ "aria-label": t("action.close") }}>
      <Stack>
        <Text>{t("session.over.kept")}</Text>
        <Group justify="flex-end">
          <Button variant="default" onClick={onStay}>
            {t("session.over.later")}
          </Button>
          <Button onClick={onSignIn}>{t("session.signIn")}</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
