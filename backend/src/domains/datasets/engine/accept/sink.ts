import { closeSync, openSync, writeSync } from 'node:fs';

const SIZE = 1024 * 1024;

/** A file that is written piece by piece. */
export interface Sink {
  put(bytes: Uint8Array): void;
  /** Writes what waits. */
  close(): void;
  /** Lets go of the file as it is, unless it was closed. */
  abandon(): void;
}

export function createSink(path: string): Sink {
  const file = openSync(path, 'w');
  const waiting = Buffer.allocUnsafeSlow(SIZE);
  let used = 0;
  let open = true;
  const write = (bytes: Uint8Array): void => {
    for (let from = 0; from < bytes.length;) from += writeSync(file, bytes, from);
  };
  const flush = (): void => {
    write(waiting.subarray(0, used));
    used = 0;
  };
  const abandon = (): void => {
    if (open) closeSync(file);
    open = false;
  };
  return {
    put(bytes) {
      if (bytes.length > SIZE - used) flush();
      if (bytes.length > SIZE) return write(bytes);
      waiting.set(bytes, used);
      used += bytes.length;
    },
    close() {
      try {
        flush();
      } finally {
        abandon();
      }
    },
    abandon,
  };
}
