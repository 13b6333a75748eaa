/** Requests under way from this gateway, by replica. */
export interface Loads {
  began(key: string): void;
  ended(key: string): void;
  of(key: string): number;
}

export function createLoads(): Loads {
  const counts = new Map<string, number>();
  return {
    began: (key) => void counts.set(key, (counts.get(key) ?? 0) + 1),
    ended(key) {
      const left = (counts.get(key) ?? 1) - 1;
      if (left === 0) counts.delete(key);
      else counts.set(key, left);
    },
    of: (key) => counts.get(key) ?? 0,
  };
}
