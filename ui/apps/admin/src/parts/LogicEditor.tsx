/** JSONLogic by form where a form can hold it, and as it is written everywhere. */

import { Icon } from "@awe/kit";
import { Button, Group, JsonInput, NativeSelect, SegmentedControl, Text, TextInput } from "@mantine/core";
import { useId, useState } from "react";
import { useT, type Word } from "../api/words.ts";
import {
  COMPARISONS,
  type Comparison,
  type Logic,
  logicText,
  type Node,
  readNode,
  readValue,
  valueText,
  writeNode,
} from "./logic.ts";

interface Props {
  label: string;
  value: Logic;
  onChange: (value: Logic) => void;
  paths: string[];
  error?: string;
}

export function LogicEditor({ label, value, onChange, paths, error }: Props) {
  const t = useT();
  const node = readNode(value);
  const [isRaw, setRaw] = useState(node === undefined);
  const raw = isRaw || node === undefined;
  const list = useId();
  return (
    <fieldset className="admin-fieldset">
      <legend>{label}</legend>
      <Group justify="space-between" gap="xs" mb="xs">
        <Text size="sm" dir="ltr" className="kit-code">
          {logicText(value)}
        </Text>
        <SegmentedControl
          size="xs"
          aria-label={t("logic.view")}
          value={raw ? "raw" : "form"}
          onChange={(next) => setRaw(next === "raw")}
          data={[
            { value: "form", label: t("logic.form"), disabled: node === undefined },
            { value: "raw", label: t("logic.raw") },
          ]}
        />
      </Group>
      {node === undefined && (
        <Text size="sm" c="dimmed">
          {t("logic.onlyRaw")}
        </Text>
      )}
      {raw || !node ? (
        <Raw value={value} onChange={onChange} label={label} />
      ) : (
        <>
          <datalist id={list}>
            {paths.map((path) => (
              <option key={path} value={path} />
            ))}
          </datalist>
          <Branch node={node} onChange={(next) => onChange(writeNode(next))} list={list} />
        </>
      )}
      {error && (
        <p className="admin-fault" role="alert">
          {error}
        </p>
      )}
    </fieldset>
  );
}

function Raw({ value, onChange, label }: { value: Logic; onChange: (value: Logic) => void; label: string }) {
  const t = useT();
  const [text, setText] = useState(() => JSON.stringify(value, null, 2));
  const [isBroken, setBroken] = useState(false);
  return (
    <JsonInput
      aria-label={label}
      value={text}
      error={isBroken ? t("logic.broken") : undefined}
      onChange={(next) => {
        setText(next);
        try {
          const read: unknown = JSON.parse(next);
          setBroken(false);
          onChange(read);
        } catch {
          setBroken(true);
        }
      }}
      autosize
      minRows={3}
      maxRows={20}
      dir="ltr"
      spellCheck={false}
      classNames={{ input: "kit-code" }}
    />
  );
}

interface BranchProps {
  node: Node;
  onChange: (node: Node) => void;
  onRemove?: () => void;
  list: string;
}

const FRESH: Node = { kind: "compare", op: "==", path: "field", value: "" };

function Branch({ node, onChange, onRemove, list }: BranchProps) {
  const t = useT();
  const remove = onRemove && (
    <Button size="compact-xs" variant="subtle" color="red" onClick={onRemove} aria-label={t("logic.remove")}>
      <Icon name="trash" size={13} />
    </Button>
  );
  if (node.kind === "compare") return <Compare node={node} onChange={onChange} remove={remove} list={list} />;
  const kind = (
    <NativeSelect
      size="xs"
      aria-label={t("logic.kind")}
      value={node.kind}
      onChange={(event) => onChange(asKind(node, event.currentTarget.value as "all" | "any" | "not"))}
      data={(["all", "any", "not"] as const).map((value) => ({ value, label: t(`logic.${value}`) }))}
    />
  );
  if (node.kind === "not") {
    return (
      <div className="admin-branch">
        <Group gap="xs">
          {kind}
          {remove}
        </Group>
        <Branch node={node.of} onChange={(of) => onChange({ kind: "not", of })} list={list} />
      </div>
    );
  }
  const parts = node.of;
  return (
    <div className="admin-branch">
      <Group gap="xs">
        {kind}
        {remove}
      </Group>
      {parts.map((part, at) => (
        <Branch
          key={at}
          node={part}
          onChange={(next) => onChange({ ...node, of: parts.map((one, index) => (index === at ? next : one)) })}
          onRemove={
            parts.length > 1 ? () => onChange({ ...node, of: parts.filter((_, index) => index !== at) }) : undefined
          }
          list={list}
        />
      ))}
      <Button size="compact-xs" variant="default" onClick={() => onChange({ ...node, of: [...parts, FRESH] })}>
        {t("logic.add")}
      </Button>
    </div>
  );
}

function asKind(node: Node, kind: "all" | "any" | "not"): Node {
  if (kind === "not") return { kind, of: node };
  if (node.kind === "all" || node.kind === "any") return { kind, of: node.of };
  return { kind, of: [node.kind === "not" ? node.of : node] };
}

interface CompareProps {
  node: Extract<Node, { kind: "compare" }>;
  onChange: (node: Node) => void;
  remove: React.ReactNode;
  list: string;
}

function Compare({ node, onChange, remove, list }: CompareProps) {
  const t = useT();
  const [text, setText] = useState(() => valueText(node.value));
  return (
    <Group gap="xs" align="end" className="admin-compare">
      <TextInput
        size="xs"
        label={t("logic.path")}
        value={node.path}
        list={list}
        onChange={(event) => onChange({ ...node, path: event.currentTarget.value || "field" })}
        dir="ltr"
      />
      <NativeSelect
        size="xs"
        label={t("logic.op")}
        value={node.op}
        onChange={(event) => onChange({ ...node, op: event.currentTarget.value as Comparison })}
        data={COMPARISONS.map((value) => ({ value, label: t(`logic.op.${value}` as Word) }))}
      />
      <TextInput
        size="xs"
        label={t("logic.value")}
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value);
          onChange({ ...node, value: readValue(event.currentTarget.value) });
        }}
        dir="ltr"
      />
      <Button size="compact-xs" variant="subtle" onClick={() => onChange({ kind: "all", of: [node] })}>
        {t("logic.group")}
      </Button>
      {remove}
    </Group>
  );
}
