import type { Identity } from '#platform/access';

/** A refused call, or several alike. */
export interface Denial {
  identity: Identity;
  route: string;
  rule: string;
  /** of the first one */
  requestId: string;
  /** how many calls alike it stands for */
  times: number;
}

export interface Denials {
  add(denial: Omit<Denial, 'times'>): void;
  /** Writes what is counted and not written yet. */
  close(): void;
}

/**
 * Keeps a client that asks again and again for what it may not have from filling the audit log: the first denial of a person, route
 * and rule is written at once, those alike within `windowMs` after it as one entry that says how many they were.
 */
export function createDenials(write: (denial: Denial) => void, windowMs = 10_000): Denials {
  const windows = new Map<string, { denial: Denial; timer: NodeJS.Timeout }>();

  const end = (key: string): void => {
    const window = windows.get(key);
    if (window === undefined) return;
    clearTimeout(window.timer);
    windows.delete(key);
    if (window.denial.times > 0) write(window.denial);
  };

  return {
    add(denial) {
      const key = JSON.stringify([denial.identity.kind, denial.identity.userId, denial.route, denial.rule]);
      const window = windows.get(key);
      if (window !== undefined) {
        window.denial.times += 1;
        return;
      }
      write({ ...denial, times: 1 });
      windows.set(key, { denial: { ...denial, times: 0 }, timer: setTimeout(() => end(key), windowMs).unref() });
    },
    close() {
      for (const key of windows.keys()) end(key);
    },
  };
}
