/** What somebody typed and did not send yet, kept so that a reload or a session that ended loses nothing. */

import { useCallback, useEffect, useRef, useState } from "react";

const PREFIX = "awe.draft.";

export interface Draft<Value> {
  value: Value;
  set: (value: Value) => void;
  /** Sent or given up: forget it. */
  forget: () => void;
  /** It was found from before. */
  restored: boolean;
}

/** State that outlives the page. `store`: sessionStorage for this tab, localStorage for days. */
export function useDraft<Value>(key: string, initial: Value, store: Storage = sessionStorage): Draft<Value> {
  const name = PREFIX + key;
  const [state, setState] = useState(() => read(store, name, initial));
  const known = useRef(name);
  useEffect(() => {
    if (known.current === name) return;
    known.current = name;
    setState(read(store, name, initial));
  }, [name, store, initial]);
  const set = useCallback(
    (value: Value) => {
      setState({ value, restored: false });
      try {
        store.setItem(name, JSON.stringify(value));
      } catch {
        // No room left: the draft then lives as long as the page.
      }
    },
    [name, store],
  );
  const forget = useCallback(() => {
    store.removeItem(name);
    setState({ value: initial, restored: false });
  }, [name, store, initial]);
  return { ...state, set, forget };
}

function read<Value>(store: Storage, name: string, initial: Value): { value: Value; restored: boolean } {
  const kept = store.getItem(name);
  if (kept === null) return { value: initial, restored: false };
  try {
    return { value: JSON.parse(kept) as Value, restored: true };
  } catch {
    return { value: initial, restored: false };
  }
}

/** Every draft of these pages, by the end of its key. */
export function draftsUnder(prefix: string, store: Storage): string[] {
  const names = Array.from({ length: store.length }, (_, at) => store.key(at) ?? "");
  return names
    .filter((name) => name.startsWith(PREFIX + prefix))
    .map((name) => name.slice(PREFIX.length + prefix.length));
}
