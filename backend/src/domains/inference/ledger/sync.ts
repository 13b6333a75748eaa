import { close, fdatasync, fsync, open } from 'node:fs';

/** Brings files to disk without holding up the loop, and not more often than need be. */
export interface Syncs {
  /** The file that is written: at once when the last time is long ago, else when `everyMs` have passed since. */
  soon(): void;
  /** A file that nothing more is written to: synced, then closed. */
  finish(descriptor: number): void;
  /** All that was written is on disk, or has failed. */
  all(): Promise<void>;
}

export function createSyncs(deps: {
  everyMs: number;
  /** what is written to just now; null: nothing */
  current(): number | null;
  failed(error: Error): void;
}): Syncs {
  const running = new Set<Promise<void>>();
  let timer: NodeJS.Timeout | null = null;
  let last = Number.NEGATIVE_INFINITY;

  function run(descriptor: number): Promise<void> {
    const done = new Promise<void>((resolve) => {
      fdatasync(descriptor, (error) => {
        if (error !== null) deps.failed(error);
        resolve();
      });
    });
    running.add(done);
    return done.finally(() => running.delete(done));
  }

  function now(): void {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    last = performance.now();
    const descriptor = deps.current();
    if (descriptor !== null) void run(descriptor);
  }

  return {
    soon() {
      if (timer !== null) return;
      const wait = last + deps.everyMs - performance.now();
      if (wait <= 0) now();
      else timer = setTimeout(now, wait);
    },
    finish: (descriptor) => void run(descriptor).then(() => close(descriptor, () => {})),
    async all() {
      now();
      await Promise.all(running);
    },
  };
}

/** A new file's name is to outlive a power cut as well. */
export function syncFolder(folder: string): void {
  open(folder, 'r', (error, descriptor) => {
    if (error === null) fsync(descriptor, () => close(descriptor, () => {}));
  });
}
