export interface Clock {
  /** Now by the database's clock, in ms since 1970; never goes back. */
  read(): number;
  /** A moment after all that were read before, and not after any that is read later. */
  next(): number;
  /** The database said `told`, somewhere between `before` and `after` of this machine's clock. */
  learn(before: number, told: number, after: number): void;
}

/** Tells the database's time without asking it: this machine's, corrected by what was last learnt. */
export function createClock(now: () => Date): Clock {
  let offset = 0;
  let last = 0;
  /** ms that the answer took which `offset` is from: it may be wrong by half of that */
  let took = Infinity;
  const read = (): number => {
    const at = now().getTime() + offset;
    if (at > last) last = at;
    return last;
  };
  return {
    read,
    next: () => (last = read() + 1),
    learn(before, told, after) {
      const wrong = told < before + offset - took || told > after + offset + took;
      if (after - before > took && !wrong) {
        // a quick answer says more than a slow one, but not for ever: clocks drift
        took += 1;
        return;
      }
      took = after - before;
      offset = Math.round(told - (before + after) / 2);
    },
  };
}
