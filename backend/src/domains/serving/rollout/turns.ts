export interface Turns<T> {
  /** Waits for its turn; one that waits already keeps its place and is looked at as it is now. */
  put(id: string, item: T, state: { begun: boolean }): void;
  /** Whose turn it is; null: nobody waits. */
  take(): { id: string; item: T } | null;
  size(): number;
}

/**
 * Who is worked on next: what has begun before what has not, each in the order they came. So a hundred new deployments hold up neither one that is
 * ready to take its traffic nor the news of one that serves.
 */
export function createTurns<T>(): Turns<T> {
  const begun = new Map<string, T>();
  const fresh = new Map<string, T>();
  return {
    put(id, item, state) {
      (state.begun ? fresh : begun).delete(id);
      (state.begun ? begun : fresh).set(id, item);
    },
    take() {
      for (const waiting of [begun, fresh])
        for (const [id, item] of waiting) {
          waiting.delete(id);
          return { id, item };
        }
      return null;
    },
    size: () => begun.size + fresh.size,
  };
}

/**
 * Reads of single things that are asked for at the same time go together: one is under way at a time, and the next is for all who asked
 * meanwhile, so that nobody is answered with what was read before they asked.
 */
export function createGathering<T>(read: (ids: readonly string[]) => Promise<T>): (id: string) => Promise<T> {
  let next: { ids: Set<string>; answer: Promise<T> } | null = null;
  let last: Promise<unknown> = Promise.resolve();

  function gather(): { ids: Set<string>; answer: Promise<T> } {
    const ids = new Set<string>();
    const answer = last.then(() => {
      next = null;
      return read([...ids]);
    });
    last = answer.catch(() => undefined);
    return { ids, answer };
  }

  return (id) => {
    next ??= gather();
    next.ids.add(id);
    return next.answer;
  };
}
