/** Tells the provider of the session that it has ended, from wherever that is seen. */

import { SessionEnded } from "./types.ts";

const over = new EventTarget();

export function onSessionOver(act: () => void): () => void {
  over.addEventListener("over", act);
  return () => over.removeEventListener("over", act);
}

/** Whatever went wrong with a call: it may mean that the session is over. */
export function noteError(error: unknown): void {
  const isOver = error instanceof SessionEnded || (error as { status?: number } | undefined)?.status === 401;
  if (isOver) over.dispatchEvent(new Event("over"));
}
