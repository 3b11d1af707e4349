/** News of the server: server-sent events while they come, looking again every 15 seconds while they do not. */

import { createContext, type ReactNode, useCallback, useContext, useEffect, useRef, useState } from "react";

/** What every event of a stream tells at least. */
export interface LiveEvent {
  event_type: string;
  request_id?: string;
  [name: string]: unknown;
}

type Listener = (events: LiveEvent[]) => void;
export type Liveness = "connecting" | "live" | "polling";
interface Live {
  state: Liveness;
  listen: (listener: Listener) => () => void;
}

const LiveContext = createContext<Live>({ state: "polling", listen: () => () => undefined });
export const POLL_MS = 15_000;
/** No byte for this long, though one is promised every 15 s: the connection is dead. */
const SILENT_MS = 40_000;
const FIRST_WAIT_MS = 1_000;
const MOST_WAIT_MS = 30_000;
/** Events that come together are told together. */
const GATHER_MS = 300;

interface Props {
  /** Where the stream is, as in `/v1/awe/stream`; absent: there is none, and pages look again by themselves. */
  url?: string;
  token: () => Promise<string>;
  children: ReactNode;
}

export function LiveProvider({ url, token, children }: Props) {
  const [state, setState] = useState<Liveness>(url ? "connecting" : "polling");
  const listeners = useRef(new Set<Listener>());
  const listen = useCallback((listener: Listener) => {
    listeners.current.add(listener);
    return () => {
      listeners.current.delete(listener);
    };
  }, []);
  useEffect(() => {
    if (!url) return;
    const stop = new AbortController();
    const gathered: LiveEvent[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const tell = (event: LiveEvent) => {
      gathered.push(event);
      timer ??= setTimeout(() => {
        timer = undefined;
        const events = gathered.splice(0);
        for (const listener of listeners.current) listener(events);
      }, GATHER_MS);
    };
    follow(url, token, tell, setState, stop.signal);
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [url, token]);
  return <LiveContext value={{ state, listen }}>{children}</LiveContext>;
}

async function follow(
  url: string,
  token: () => Promise<string>,
  tell: (event: LiveEvent) => void,
  setState: (state: Liveness) => void,
  signal: AbortSignal,
): Promise<void> {
  let last: string | undefined;
  for (let wait = FIRST_WAIT_MS; !signal.aborted; wait = Math.min(wait * 2, MOST_WAIT_MS)) {
    const began = Date.now();
    try {
      for await (const message of messages(url, await token(), last, signal, () => setState("live"))) {
        last = message.id ?? last;
        if (message.data !== undefined && message.event !== "resume") tell(JSON.parse(message.data) as LiveEvent);
      }
    } catch (error) {
      if (error instanceof StreamGone) last = undefined;
    }
    if (signal.aborted) return;
    if (Date.now() - began > MOST_WAIT_MS) wait = FIRST_WAIT_MS;
    else setState("polling");
    await new Promise((resolve) => setTimeout(resolve, wait * (0.75 + Math.random() / 2)));
  }
}

class StreamGone extends Error {}

async function* messages(
  url: string,
  token: string,
  last: string | undefined,
  signal: AbortSignal,
  opened: () => void,
): AsyncGenerator<Message> {
  const silence = new AbortController();
  const headers: Record<string, string> = { authorization: `Bearer ${token}`, accept: "text/event-stream" };
  if (last) headers["last-event-id"] = last;
  const answer = await fetch(url, { headers, signal: AbortSignal.any([signal, silence.signal]) });
  if (answer.status === 410) throw new StreamGone();
  if (!answer.ok || !answer.body) throw new Error(`the stream answered ${answer.status}`);
  opened();
  const parser = new EventParser();
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    for (;;) {
      timer = setTimeout(() => silence.abort(), SILENT_MS);
      const { value, done } = await reader.read();
      clearTimeout(timer);
      if (done) return;
      yield* parser.push(value);
    }
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}

export interface Message {
  event: string | undefined;
  id: string | undefined;
  data: string | undefined;
}

/** Reads server-sent events out of text that comes in pieces of any size. */
export class EventParser {
  #rest = "";

  push(text: string): Message[] {
    // Over what came before too: a line break may come in two pieces.
    this.#rest = (this.#rest + text).replaceAll("\r\n", "\n");
    const blocks = this.#rest.split("\n\n");
    this.#rest = blocks.pop() ?? "";
    return blocks.map(readBlock);
  }
}

function readBlock(block: string): Message {
  const data: string[] = [];
  const message: Message = { event: undefined, id: undefined, data: undefined };
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") data.push(value);
    else if (field === "event") message.event = value;
    else if (field === "id") message.id = value;
  }
  if (data.length > 0) message.data = data.join("\n");
  return message;
}

export function useLiveness(): Liveness {
  return useContext(LiveContext).state;
}

/** Calls `act` when events come; what it closes over may change. */
export function useLive(act: Listener): void {
  const { listen } = useContext(LiveContext);
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => listen((events) => latest.current(events)), [listen]);
}

/** How often a page should ask by itself: not at all while news come. For `refetchInterval`. */
export function usePollInterval(): number | false {
  return useLiveness() === "live" ? false : POLL_MS;
}

/** How many of the events since the last `clear` concern a list, which then offers to look again rather than move. */
export function useNews(concerns: (event: LiveEvent) => boolean): { count: number; clear: () => void } {
  const [count, setCount] = useState(0);
  useLive((events) => {
    const found = events.filter(concerns).length;
    if (found > 0) setCount((before) => before + found);
  });
  return { count, clear: useCallback(() => setCount(0), []) };
}
