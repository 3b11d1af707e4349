/** Places for streams. */

/** Streams that a client may hold at once. A browser opens six connections to a server, and calls need some of them. */
export class Places {
  #free = typeof document === "undefined" ? 32 : 3;

  take(): boolean {
    if (this.#free === 0) return false;
    this.#free -= 1;
    return true;
  }

  giveBack(): void {
    this.#free += 1;
  }
}
