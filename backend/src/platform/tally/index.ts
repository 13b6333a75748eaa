/** How many of each there are under way. */
export interface Tally {
  began(key: string): void;
  ended(key: string): void;
  of(key: string): number;
}

/** Beyond so many keys those of which none is under way are forgotten. */
const most = 1_000;

/** For what comes and goes all the time. A key stays at nothing: a map whose keys come and go makes itself anew all the time. */
export function createTally(): Tally {
  const counts = new Map<string, number>();
  return {
    began: (key) => void counts.set(key, (counts.get(key) ?? 0) + 1),
    ended(key) {
      const left = Math.max((counts.get(key) ?? 0) - 1, 0);
      if (left === 0 && counts.size > most) counts.delete(key);
      else counts.set(key, left);
    },
    of: (key) => counts.get(key) ?? 0,
  };
}
