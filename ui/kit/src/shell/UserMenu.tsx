/** The button of who is signed in; what it opens is loaded then. */

import { ActionIcon, Popover } from "@mantine/core";
import { lazy, type ReactNode, Suspense, useState } from "react";
import { useTranslate } from "../i18n.tsx";
import { useSession } from "../session/SessionProvider.tsx";
import { Icon } from "../ui/Icon.tsx";

const UserPanel = lazy(() => import("./UserPanel.tsx").then((one) => ({ default: one.UserPanel })));

export function UserMenu({ children }: { children?: ReactNode }) {
  const t = useTranslate();
  const { session } = useSession();
  const [opened, setOpened] = useState(false);
  return (
    <Popover opened={opened} onChange={setOpened} position="bottom-end" trapFocus returnFocus withinPortal={false}>
      <Popover.Target>
        <ActionIcon
          variant="light"
          size="lg"
          radius="xl"
          onClick={() => setOpened(!opened)}
          aria-label={t("user.menu", { name: session.name ?? session.subject })}
        >
          <Icon name="user" />
        </ActionIcon>
      </Popover.Target>
      <Popover.Dropdown w={290} maw="calc(100vw - 16px)">
        <Suspense fallback={<div className="kit-wait" />}>
          <UserPanel>{children}</UserPanel>
        </Suspense>
      </Popover.Dropdown>
    </Popover>
  );
}
