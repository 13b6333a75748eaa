import { failure } from '#platform/errors';
import { startProcess, type TaskProcess } from './process.ts';
import type { RunOptions, Workers, WorkersOptions } from './types.ts';
import { words } from './sentences.ts';

interface Waiting {
  start(): void;
  refuse(error: unknown): void;
}

/** A pool of processes that run `program`. They start when there is something to do, and end after `idleMs` without. */
export function createWorkers(options: WorkersOptions): Workers {
  const { concurrency, idleMs } = options;
  const busy = new Set<TaskProcess>();
  const idle = new Map<TaskProcess, NodeJS.Timeout>();
  const queue = new Set<Waiting>();
  let taken = 0;
  let closed = false;

  /** Resolves when a process may be used; it is given back by `release`. */
  function acquire(signal: AbortSignal | undefined): Promise<void> {
    if (closed) return Promise.reject(closing());
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (taken < concurrency) {
      taken += 1;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const leave = (settle: () => void): void => {
        queue.delete(waiting);
        signal?.removeEventListener('abort', abort);
        settle();
      };
      const waiting: Waiting = { start: () => leave(resolve), refuse: (error) => leave(() => reject(error)) };
      const abort = (): void => waiting.refuse(signal!.reason);
      signal?.addEventListener('abort', abort, { once: true });
      queue.add(waiting);
    });
  }

  function release(): void {
    const [next] = queue;
    if (next === undefined) taken -= 1;
    else next.start();
  }

  function take(): TaskProcess {
    for (const [process, timer] of idle) {
      clearTimeout(timer);
      idle.delete(process);
      if (process.alive) return process;
    }
    return startProcess(options);
  }

  function rest(process: TaskProcess): void {
    if (!process.alive) return;
    if (idleMs === 0 || closed) return void process.end();
    const timer = setTimeout(() => {
      idle.delete(process);
      void process.end();
    }, idleMs).unref();
    idle.set(process, timer);
  }

  return {
    async run<O>(task: string, input: unknown, run: RunOptions): Promise<O> {
      await acquire(run.signal);
      try {
        if (closed) throw closing();
        const process = take();
        busy.add(process);
        try {
          return (await process.run(task, input, run)) as O;
        } finally {
          busy.delete(process);
          rest(process);
        }
      } finally {
        release();
      }
    },
    async close() {
      closed = true;
      for (const waiting of queue) waiting.refuse(closing());
      for (const timer of idle.values()) clearTimeout(timer);
      await Promise.all([...busy, ...idle.keys()].map((process) => process.end()));
      idle.clear();
    },
  };
}

const closing = (): Error => failure('worker_crashed', words.tell('not_begun'));
