/** Short news of what one has done. They go by themselves; whatever needs an answer is no toast. */

import { CloseButton } from "@mantine/core";
import { useEffect, useState } from "react";
import { useTranslate } from "../i18n.tsx";
import { Icon } from "./Icon.tsx";

interface Toast {
  id: number;
  text: string;
}

const LASTS_MS = 8_000;
const MOST = 3;
let show: ((text: string) => void) | undefined;
let last = 0;

export function toast(text: string): void {
  show?.(text);
}

export function Toasts() {
  const t = useTranslate();
  const [toasts, setToasts] = useState<Toast[]>([]);
  useEffect(() => {
    const timers = new Set<ReturnType<typeof setTimeout>>();
    const drop = (id: number) => setToasts((before) => before.filter((one) => one.id !== id));
    show = (text) => {
      const id = ++last;
      setToasts((before) => [...before, { id, text }].slice(-MOST));
      timers.add(setTimeout(() => drop(id), LASTS_MS));
    };
    return () => {
      show = undefined;
      for (const timer of timers) clearTimeout(timer);
    };
  }, []);
  return (
    <div className="kit-toasts kit-no-print" role="status" aria-live="polite">
      {toasts.map((one) => (
        <div key={one.id}>
          <Icon name="check" /> <span>{one.text}</span>
          <CloseButton
            aria-label={t("action.close")}
            onClick={() => setToasts((before) => before.filter((other) => other.id !== one.id))}
          />
        </div>
      ))}
    </div>
  );
}
