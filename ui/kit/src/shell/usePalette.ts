import { useDisclosure, useHotkeys } from "@mantine/hooks";
import { useEffect, useState } from "react";

/** Whether the palette is open; it is loaded when it is opened first. */
export function usePalette() {
  const [opened, { open, close }] = useDisclosure();
  const [wasOpened, setWasOpened] = useState(false);
  useHotkeys([["mod+K", open]], []);
  useEffect(() => {
    if (opened) setWasOpened(true);
  }, [opened]);
  return { opened, open, close, wasOpened };
}
