/** A document as YAML or JSON, with what is wrong marked where it is, and what the published schema knows at a place to
 * choose from. */

import { pageNonce } from "@awe/kit";
import { autocompletion, type CompletionContext } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { json } from "@codemirror/lang-json";
import { yaml } from "@codemirror/lang-yaml";
import {
  bracketMatching,
  defaultHighlightStyle,
  foldGutter,
  indentOnInput,
  syntaxHighlighting,
} from "@codemirror/language";
import { type Diagnostic, forceLinting, linter, lintGutter } from "@codemirror/lint";
import { EditorState } from "@codemirror/state";
import { EditorView, keymap, lineNumbers } from "@codemirror/view";
import { Group, SegmentedControl, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { parseDocument, stringify } from "yaml";
import { useT } from "../api/words.ts";
import { choicesAt, type Schema } from "./complete.ts";

type Format = "yaml" | "json";
interface Problem {
  pointer: string;
  message: string;
  severity: string;
}

interface Props {
  label: string;
  value: unknown;
  onChange?: (value: unknown) => void;
  readOnly?: boolean;
  problems?: Problem[];
}

const KEPT = "awe.format";
const MOST_TEXT = 1_000_000;
const MOST_ALIASES = 100;

export default function Code({ label, value, onChange, readOnly, problems }: Props) {
  const t = useT();
  const [format, setFormat] = useState<Format>(() => (localStorage.getItem(KEPT) === "json" ? "json" : "yaml"));
  const [fault, setFault] = useState<string>();
  const schema = useSchema(!readOnly);
  const choose = (next: string) => {
    localStorage.setItem(KEPT, next);
    setFault(undefined);
    setFormat(next as Format);
  };
  return (
    <div className="admin-code">
      <Group justify="space-between" mb={4}>
        <SegmentedControl
          size="xs"
          aria-label={t("code.format")}
          value={format}
          onChange={choose}
          data={[
            { value: "yaml", label: "YAML" },
            { value: "json", label: "JSON" },
          ]}
        />
        {fault && (
          <Text size="sm" c="red" role="alert">
            {fault}
          </Text>
        )}
      </Group>
      <Editor key={format} {...{ label, value, onChange, readOnly, problems, format, schema, setFault }} />
      {!readOnly && (
        <Text size="xs" c="dimmed">
          {t("code.keys")}
        </Text>
      )}
    </div>
  );
}

interface EditorProps extends Props {
  format: Format;
  schema: Schema | undefined;
  setFault: (fault: string | undefined) => void;
}

function Editor({ label, value, onChange, readOnly, problems, format, schema, setFault }: EditorProps) {
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const latest = useRef({ onChange, problems, setFault, value, schema });
  latest.current = { onChange, problems, setFault, value, schema };
  // The text is the author's own: it is written anew only when the document was changed elsewhere.
  const known = useRef(value);
  useEffect(() => {
    if (!place.current) return;
    const made = new EditorView({
      parent: place.current,
      state: EditorState.create({
        doc: textOf(latest.current.value, format),
        extensions: [
          EditorView.cspNonce.of(pageNonce()),
          lineNumbers(),
          foldGutter(),
          bracketMatching(),
          indentOnInput(),
          history(),
          // Tab goes on to the next control, as everywhere: nobody is caught in here.
          keymap.of([...defaultKeymap, ...historyKeymap]),
          syntaxHighlighting(defaultHighlightStyle, { fallback: true }),
          format === "json" ? json() : yaml(),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ "aria-label": label }),
          EditorState.readOnly.of(readOnly ?? false),
          ...(readOnly
            ? []
            : [lintGutter(), linter((one) => diagnostics(one, latest.current.problems ?? []), { delay: 200 })]),
          autocompletion({ override: [(context) => complete(context, latest.current.schema)] }),
          EditorView.updateListener.of((update) => {
            if (!update.docChanged || readOnly) return;
            const read = readText(update.state.doc.toString());
            latest.current.setFault(read.fault);
            if (read.fault !== undefined) return;
            known.current = read.value;
            latest.current.onChange?.(read.value);
          }),
        ],
      }),
    });
    view.current = made;
    return () => made.destroy();
  }, []);
  useEffect(() => {
    const editor = view.current;
    if (!editor || value === known.current) return;
    known.current = value;
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: textOf(value, format) } });
  }, [value, format]);
  useEffect(() => {
    if (view.current && !readOnly) forceLinting(view.current);
  }, [problems, readOnly]);
  return <div ref={place} className="admin-editor" dir="ltr" />;
}

export function textOf(value: unknown, format: Format): string {
  if (format === "json") return `${JSON.stringify(value, null, 2)}\n`;
  return stringify(value, { lineWidth: 100, nullStr: "null" });
}

/** YAML, and so JSON too, as a document; `fault` says why it is none. */
export function readText(text: string): { value?: unknown; fault?: string } {
  if (text.length > MOST_TEXT) return { fault: `> ${MOST_TEXT}` };
  const parsed = parseDocument(text, { uniqueKeys: true });
  const [first] = parsed.errors;
  if (first) return { fault: first.message.split("\n")[0] };
  try {
    const value: unknown = parsed.toJS({ maxAliasCount: MOST_ALIASES });
    return value !== null && typeof value === "object" && !Array.isArray(value) ? { value } : { fault: "{ … }" };
  } catch (error) {
    return { fault: (error as Error).message };
  }
}

function diagnostics(view: EditorView, problems: Problem[]): Diagnostic[] {
  const text = view.state.doc.toString();
  const parsed = parseDocument(text);
  const broken = parsed.errors.map(({ pos, message }) => ({
    from: pos[0],
    to: Math.min(pos[1], text.length),
    severity: "error" as const,
    message,
  }));
  if (broken.length > 0) return broken;
  return problems.map(({ pointer, message, severity }) => {
    const [from, to] = rangeOf(parsed, pointer) ?? [0, 0];
    return { from, to: Math.min(to, text.length), severity: severity === "error" ? "error" : "warning", message };
  });
}

/** Where a pointer leads in the text; what is missing is shown at what should hold it. */
export function rangeOf(parsed: ReturnType<typeof parseDocument>, pointer: string): [number, number] | undefined {
  const parts = pointer.split("/").slice(1);
  const path = parts
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
  for (let length = path.length; length >= 0; length--) {
    const node = length === 0 ? parsed.contents : parsed.getIn(path.slice(0, length), true);
    const range = (node as { range?: [number, number, number] | null } | undefined)?.range;
    if (range) return [range[0], length === 0 ? Math.min(range[1], range[0] + 1) : range[1]];
  }
  return undefined;
}

function complete(context: CompletionContext, schema: Schema | undefined) {
  const word = context.matchBefore(/[\w-]+/);
  if (!schema || (!word && !context.explicit)) return null;
  const from = word?.from ?? context.pos;
  const options = choicesAt(schema, context.state.doc.toString(), from, context.pos);
  return { from, options, validFor: /^[\w-]*$/ };
}

/** The schema of policies that the server publishes. */
function useSchema(enabled: boolean): Schema | undefined {
  const { data } = useQuery({
    queryKey: ["policy-schema"],
    queryFn: async ({ signal }) => (await fetch("/v1/awe/policy.schema.json", { signal })).json() as Promise<Schema>,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
    enabled,
  });
  return data;
}
