/** Questions that come at about the same time and are asked as one. */

/** Few enough for one call, and gathered for so short a time that nobody waits for it. */
const MOST = 50;
const GATHER_MS = 10;

interface Asked<Answer> {
  key: string;
  answer: (answer: Answer | undefined) => void;
  fail: (error: unknown) => void;
}

/** Returns what is asked one by one; `ask` gets at most 50 keys, each once, and answers those that it knows. */
export function together<Answer>(ask: (keys: string[]) => Promise<Map<string, Answer>>) {
  let waiting: Asked<Answer>[] = [];
  const go = async () => {
    const all = waiting;
    waiting = [];
    const keys = [...new Set(all.map(({ key }) => key))];
    // One call after the other: a page that names hundreds does not crowd out what it is there for.
    for (let at = 0; at < keys.length; at += MOST) {
      const some = new Set(keys.slice(at, at + MOST));
      const those = all.filter(({ key }) => some.has(key));
      try {
        const found = await ask([...some]);
        for (const { key, answer } of those) answer(found.get(key));
      } catch (error) {
        for (const { fail } of those) fail(error);
      }
    }
  };
  return (key: string) =>
    new Promise<Answer | undefined>((answer, fail) => {
      if (waiting.push({ key, answer, fail }) === 1) setTimeout(go, GATHER_MS);
    });
}
