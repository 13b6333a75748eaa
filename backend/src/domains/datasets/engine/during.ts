import type { DuckDb } from './duckdb.ts';

/** how often it is looked at, in ms */
const every = 500;

/** Takes how far something is, 0 to 1, and tells what is more than before. */
export function onward(tell: ((done: number) => void) | undefined): (done: number) => void {
  let most = 0;
  return (done) => {
    if (done <= most) return;
    most = done;
    tell?.(done);
  };
}

/** Tells, between `from` and `to`, how far the statement is that the work waits for. Each statement of it begins anew. */
export async function during<T>(
  db: Pick<DuckDb, 'progress'>,
  { from, to, tell }: { from: number; to: number; tell(done: number): void },
  work: () => Promise<T>,
): Promise<T> {
  const timer = setInterval(() => {
    const done = db.progress();
    if (done !== null) tell(from + (to - from) * done);
  }, every);
  try {
    const result = await work();
    tell(to);
    return result;
  } finally {
    clearInterval(timer);
  }
}
