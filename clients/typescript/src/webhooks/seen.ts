/** Remembers which events were handled, since webhooks and NATS deliver at least once. */

/**
 * `new`: nobody handles it; the caller does now, and says `done` or `forget` afterwards. `busy`: it is being handled: do
 * not acknowledge, for if the handler fails the event has to come again. `done`: it was handled.
 */
export type Seen = "new" | "busy" | "done";

type Maybe<Value> = Value | Promise<Value>;

/** Where handled events are remembered. A lasting one writes the id in the transaction of the handler. */
export interface SeenStore {
  /** Marks an event as being handled, unless it is or was. */
  begin(eventId: string): Maybe<Seen>;
  /** The handler has committed. */
  done(eventId: string): Maybe<void>;
  /** The handler failed: the next delivery is handled. */
  forget(eventId: string): Maybe<void>;
}

export interface MemoryOptions {
  /** Events that are remembered, 10,000 when absent; the oldest are forgotten first. */
  most?: number;
  /** Milliseconds after which an event that was begun and never ended may be begun again; 300,000 when absent. */
  leaseMs?: number;
  /** Milliseconds of a clock that only goes on. */
  clock?: () => number;
}

/** Bounded, in this process only. */
export class MemorySeenStore implements SeenStore {
  readonly #events = new Map<string, { state: Seen; since: number }>();
  readonly #most: number;
  readonly #leaseMs: number;
  readonly #clock: () => number;

  constructor({ most = 10_000, leaseMs = 300_000, clock = () => performance.now() }: MemoryOptions = {}) {
    if (!(most >= 1)) throw new RangeError("a store remembers at least one event");
    this.#most = most;
    this.#leaseMs = leaseMs;
    this.#clock = clock;
  }

  get size(): number {
    return this.#events.size;
  }

  begin(eventId: string): Seen {
    const found = this.#events.get(eventId);
    if (found?.state === "done") return "done";
    if (found?.state === "busy" && this.#clock() - found.since < this.#leaseMs) return "busy";
    this.#put(eventId, "busy");
    return "new";
  }

  done(eventId: string): void {
    this.#put(eventId, "done");
  }

  forget(eventId: string): void {
    this.#events.delete(eventId);
  }

  #put(eventId: string, state: Seen): void {
    this.#events.delete(eventId);
    this.#events.set(eventId, { state, since: this.#clock() });
    for (const oldest of this.#events.keys()) {
      if (this.#events.size <= this.#most) break;
      this.#events.delete(oldest);
    }
  }
}
