import { Worker } from 'node:worker_threads';
import type { Answer, Request } from './messages.ts';

/** The counting thread: started when it is asked, ended when it was idle for `idleMs`, started again after a crash. */
export function createThread({
  idleMs,
  heapMb,
  ended,
}: {
  idleMs: number;
  heapMb: number;
  /** What it had loaded is gone. */
  ended(): void;
}) {
  let worker: Worker | null = null;
  let waiting: { resolve(count: number): void; reject(error: Error): void } | null = null;
  let idle: NodeJS.Timeout | undefined;

  function start(): Worker {
    const started = new Worker(new URL('./worker.ts', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: heapMb },
      // it needs no secrets
      env: {},
      execArgv: [],
    });
    started.unref();
    started.on('message', (answer: Answer) => {
      if (worker !== started) return;
      if ('error' in answer) settle()?.reject(new Error(answer.error));
      else settle()?.resolve(answer.count);
    });
    started.on('error', (error: Error) => gone(started, error));
    started.on('exit', () => gone(started, new Error('the counting thread ended')));
    return started;
  }

  function settle(): typeof waiting {
    const asked = waiting;
    waiting = null;
    idle = setTimeout(() => void end(), idleMs);
    idle.unref();
    return asked;
  }

  function gone(which: Worker, error: Error): void {
    if (worker !== which) return;
    worker = null;
    clearTimeout(idle);
    ended();
    const asked = waiting;
    waiting = null;
    asked?.reject(error);
  }

  async function end(reason = 'the counting thread was ended'): Promise<void> {
    const running = worker;
    if (running === null) return;
    gone(running, new Error(reason));
    await running.terminate();
  }

  return {
    /** One at a time. Rejects when it fails, or the thread ends meanwhile. */
    ask(request: Request, handedOver: ArrayBuffer[] = []): Promise<number> {
      clearTimeout(idle);
      worker ??= start();
      const to = worker;
      return new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        to.postMessage(request, handedOver);
      });
    },
    /** In the middle of what it does, too. */
    end,
    isRunning: () => worker !== null,
  };
}
