/** Ctrl-K: to any page, or to whatever an id or a word leads to, without a mouse. */

import { Modal, TextInput } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { type KeyboardEvent, useEffect, useId, useState } from "react";
import { useTranslate } from "../i18n.tsx";
import { Icon } from "../ui/Icon.tsx";
import type { NavItem } from "./Shell.tsx";

interface Props {
  items: NavItem[];
  search?: (text: string) => { label: string; to: string; search?: Record<string, string> }[];
  opened: boolean;
  onClose: () => void;
}

export function Palette({ items, search, opened, onClose }: Props) {
  const t = useTranslate();
  const navigate = useNavigate();
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const list = useId();
  useEffect(() => {
    if (!opened) {
      setText("");
      setAt(0);
    }
  }, [opened]);
  const wanted = text.trim().toLocaleLowerCase();
  const pages = items.filter((item) => item.label.toLocaleLowerCase().includes(wanted));
  // A page that is called so comes before a search for what is typed.
  const found = [
    ...pages.map(({ label, to }) => ({ label, to, search: undefined })),
    ...(wanted && search ? search(text.trim()) : []),
  ];
  const go = (index: number) => {
    const target = found[index];
    if (!target) return;
    onClose();
    navigate({ to: target.to, search: (target.search ?? {}) as never });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      setAt((now) => (now + step + found.length) % Math.max(1, found.length));
    } else if (event.key === "Enter") {
      event.preventDefault();
      go(at);
    }
  };
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={t("palette.title")}
      closeButtonProps={{ "aria-label": t("action.close") }}
    >
      <TextInput
        data-autofocus
        aria-label={t("palette.label")}
        placeholder={t("palette.label")}
        leftSection={<Icon name="search" size={16} />}
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={onKeyDown}
        role="combobox"
        aria-expanded="true"
        aria-controls={list}
        aria-activedescendant={found[at] ? `${list}-${at}` : undefined}
        maxLength={200}
      />
      <div role="listbox" id={list} aria-label={t("palette.title")} className="kit-palette" tabIndex={-1}>
        {found.map((one, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field above takes the keys
          <div
            key={`${one.to} ${one.label}`}
            role="option"
            id={`${list}-${index}`}
            aria-selected={index === at}
            tabIndex={-1}
            onClick={() => go(index)}
            onMouseMove={() => setAt(index)}
          >
            {one.label}
          </div>
        ))}
        {found.length === 0 && <p className="kit-dim">{t("palette.none")}</p>}
      </div>
    </Modal>
  );
}
