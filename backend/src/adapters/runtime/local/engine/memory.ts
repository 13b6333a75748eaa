import { readFileSync } from 'node:fs';

interface Deps {
  /** bytes; null for no limit */
  limit: number | null;
  everyMs?: number;
  exceeded(resident: number): void;
}

/** Samples the resident memory of this process once a second, since one machine's engines have no container around them. */
export function watchMemory({ limit, everyMs = 1000, exceeded }: Deps): void {
  if (limit === null) return;
  setInterval(() => {
    const resident = residentMemory();
    if (resident > limit) exceeded(resident);
  }, everyMs).unref();
}

/** bytes */
export function residentMemory(): number {
  try {
    // The kernel counts in pages; Node offers no page size, and its own `rss()` reads the same file for more than we need.
    return Number(readFileSync('/proc/self/statm', 'latin1').split(' ')[1]) * 4096;
  } catch {
    return process.memoryUsage.rss();
  }
}
