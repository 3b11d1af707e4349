/** Says that nobody is verified here, and lets one be somebody else. */

import { Button, Popover, ScrollArea, Stack } from "@mantine/core";
import { useState } from "react";
import { useTranslate } from "../i18n.tsx";
import { useSession } from "../session/SessionProvider.tsx";
import { Somebody, UserList } from "../session/SignInAs.tsx";
import { Icon } from "../ui/Icon.tsx";

export function DevelopmentBar() {
  const t = useTranslate();
  const { session, users, become } = useSession();
  const [opened, setOpened] = useState(false);
  return (
    <div className="kit-development" role="note">
      <span>
        <Icon name="alert" size={14} /> {t("development.bar")}
      </span>
      <Popover opened={opened} onChange={setOpened} position="bottom-end" withinPortal={false} trapFocus returnFocus>
        <Popover.Target>
          <Button size="compact-xs" variant="white" color="dark" onClick={() => setOpened(!opened)}>
            {t("development.switch", { name: session.name ?? session.subject })}
          </Button>
        </Popover.Target>
        <Popover.Dropdown>
          <ScrollArea.Autosize mah="70vh" w={280}>
            <Stack gap="sm">
              <UserList
                users={users}
                current={session.subject}
                onChoose={(user) => {
                  setOpened(false);
                  become(user);
                }}
              />
              <Somebody
                onChoose={(user) => {
                  setOpened(false);
                  become(user);
                }}
              />
            </Stack>
          </ScrollArea.Autosize>
        </Popover.Dropdown>
      </Popover>
    </div>
  );
}
