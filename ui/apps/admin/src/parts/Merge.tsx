/** Two documents, letter by letter. */

import { pageNonce } from "@awe/kit";
import { yaml } from "@codemirror/lang-yaml";
import { defaultHighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { unifiedMergeView } from "@codemirror/merge";
import { EditorState } from "@codemirror/state";
import { EditorView, lineNumbers } from "@codemirror/view";
import { useEffect, useRef } from "react";
import { stringify } from "yaml";

interface Props {
  label: string;
  before: unknown;
  after: unknown;
}

export default function Merge({ label, before, after }: Props) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!place.current) return;
    const view = new EditorView({
      parent: place.current,
      state: EditorState.create({
        doc: stringify(after),
        extensions: [
          EditorView.cspNonce.of(pageNonce()),
          lineNumbers(),
          yaml(),
          syntaxHighlighting(defaultHighlightStyle, { fallback: true }),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ "aria-label": label }),
          EditorState.readOnly.of(true),
          unifiedMergeView({ original: stringify(before), mergeControls: false, collapseUnchanged: {} }),
        ],
      }),
    });
    return () => view.destroy();
  }, [label, before, after]);
  return <div ref={place} className="admin-editor" dir="ltr" />;
}
