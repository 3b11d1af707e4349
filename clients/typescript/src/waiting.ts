/** How a caller learns that a request may have changed. The state itself is always read from AWE. */

import { pause } from "./transport.js";

/** Watches one request. */
export interface Watch {
  /** Resolves when the request may have changed, at the latest after so many milliseconds. */
  wait(milliseconds: number, signal?: AbortSignal): Promise<void>;
  /** Called once, at the end. */
  close(): void | Promise<void>;
}

/** Makes the watch of a request id. */
export type Watcher = (requestId: string) => Watch;

/** Asks again after a while that grows by half each time: 0.5 s at first, at most 15 s, unless told otherwise. */
export function polling({ firstMs = 500, mostMs = 15_000 } = {}): Watcher {
  return () => {
    let next = firstMs;
    return {
      async wait(milliseconds, signal) {
        const now = Math.max(0, Math.min(next, milliseconds));
        next = Math.min(mostMs, next * 1.5);
        await pause(now, signal);
      },
      close() {},
    };
  };
}
