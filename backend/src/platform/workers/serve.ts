import { flushCompileCache } from 'node:module';
import { Worker } from 'node:worker_threads';
import { failure } from '#platform/errors';
import { tell, untell } from './failures.ts';
import type { ToParent, ToProcess } from './protocol.ts';
import type { TaskContext, TaskTable } from './types.ts';

const PROGRESS_MS = 100;

/**
 * Makes this process one that runs tasks: to be called once by the program that `createWorkers` starts. The process ends when its parent
 * lets go of it or is gone, and when it needs more memory than it may have.
 */
export function serveTasks(table: TaskTable): void {
  if (process.send === undefined)
    throw new Error('This program is started by createWorkers, with a channel to its parent.');
  const memoryMb = Number(process.argv[2]);
  const asked = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let questions = 0;

  const watch = new Worker(new URL('./watch.ts', import.meta.url), {
    workerData: { memoryMb, parent: process.ppid },
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 },
    execArgv: [],
  });
  watch.unref();
  process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  process.on('message', (message: ToProcess) => {
    if (message.type === 'run') return void run(message.task, message.input);
    const question = asked.get(message.id);
    asked.delete(message.id);
    if (message.type === 'answer') question?.resolve(message.value);
    else question?.reject(untell(message.error));
  });
  send({ type: 'ready' });

  async function run(name: string, input: unknown): Promise<void> {
    const progress = throttled((value) => send({ type: 'progress', value }));
    const context: TaskContext = {
      memoryMb,
      progress: progress.push,
      ask: <T>(what: string, payload: unknown) =>
        new Promise<T>((resolve, reject) => {
          const id = ++questions;
          asked.set(id, { resolve: resolve as (value: unknown) => void, reject });
          send({ type: 'ask', id, what, payload });
        }),
    };
    try {
      const task = Object.hasOwn(table, name) ? table[name] : undefined;
      if (task === undefined) throw failure('worker_crashed', { message: `There is no task '${name}'.` });
      const value = await task(input as never, context);
      progress.flush();
      send({ type: 'done', value });
      // At its end it would be kept as well, but this process ends by being killed. What is kept already costs nothing.
      flushCompileCache();
    } catch (error) {
      progress.flush();
      send({ type: 'failed', error: tell(error) });
    }
  }
}

function send(message: ToParent): void {
  // The parent may go while this is written; the process then ends by itself.
  process.send?.(message, undefined, undefined, () => {});
}

/** The first value at once, then one per interval; `flush` sends the one that waits. */
function throttled(emit: (value: unknown) => void): { push(value: unknown): void; flush(): void } {
  let last = -Infinity;
  let waiting: { value: unknown } | null = null;
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (waiting === null) return;
    last = performance.now();
    emit(waiting.value);
    waiting = null;
  };
  return {
    flush,
    push(value) {
      waiting = { value };
      const left = last + PROGRESS_MS - performance.now();
      // A task that computes without a pause gives timers no turn: what is due is sent from here.
      if (left <= 0) flush();
      else timer ??= setTimeout(flush, left).unref();
    },
  };
}
