export interface Retries {
  /** Whether it may be applied now. */
  due(revisionId: string): boolean;
  note(revisionId: string, applied: boolean): void;
}

const longestMs = 30_000;

/** What could not be applied is tried again at once, then after 1, 2, 4 … 30 s: a look comes more often than a cluster changes its mind. */
export function createRetries(now: () => number = () => performance.now()): Retries {
  const failed = new Map<string, { times: number; until: number }>();
  return {
    due: (revisionId) => (failed.get(revisionId)?.until ?? 0) <= now(),
    note(revisionId, applied) {
      if (applied) return void failed.delete(revisionId);
      const times = (failed.get(revisionId)?.times ?? 0) + 1;
      const pause = times < 3 ? 0 : Math.min(1_000 * 2 ** (times - 3), longestMs);
      failed.set(revisionId, { times, until: now() + pause });
    },
  };
}
