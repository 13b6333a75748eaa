import { fork } from 'node:child_process';
import { getCompileCacheDir } from 'node:module';
import type { Socket } from 'node:net';
import { failure } from '#platform/errors';
import { tell, untell } from './failures.ts';
import { memoryMark, type ToParent, type ToProcess } from './protocol.ts';
import type { RunOptions, WorkersOptions } from './types.ts';
import { words } from './sentences.ts';

/** One process; it runs one task at a time. */
export interface TaskProcess {
  readonly alive: boolean;
  /** Resolves with what the task answers. Whenever it rejects with anything but the task's own failure, the process is gone by then. */
  run(task: string, input: unknown, options: RunOptions): Promise<unknown>;
  /** Resolves when it is gone; a task under way fails. */
  end(): Promise<void>;
}

interface Running extends RunOptions {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

const START_MS = 60_000;
const KEPT = 8 * 1024;

export function startProcess(options: Pick<WorkersOptions, 'program' | 'memoryMb' | 'log'>): TaskProcess {
  const { program, memoryMb, log } = options;
  const child = fork(program, [String(memoryMb)], {
    // Not this process's own: flags of a test runner or a debugger are not for it. Beside the heap there are DuckDB and buffers.
    execArgv: [`--max-old-space-size=${Math.max(64, Math.round(memoryMb * 0.6))}`],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: inheritedEnv(),
  });
  let running: Running | null = null;
  let alive = true;
  /** why this process was ended from here */
  let reason: unknown = null;
  let said = '';
  (child.stderr as Socket).unref();
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-KEPT)));

  const exited = new Promise<void>((resolve) => {
    const gone = (code: number | null, signal: NodeJS.Signals | null): void => {
      alive = false;
      if (running !== null) {
        const error = reason ?? judge(code, signal, said, memoryMb);
        if (reason === null)
          log.warn({ code, signal, said: said.slice(-1000) }, 'a worker process ended during its task');
        running.reject(error);
        running = null;
      }
      resolve();
    };
    child.once('close', gone);
    child.once('error', (error) => {
      if (child.pid !== undefined) return;
      reason ??= failure('worker_crashed', {
        ...words.tell('unstartable'),
        cause: error,
      });
      gone(null, null);
    });
  });
  const ready = new Promise<void>((resolve) => {
    child.on('message', (message: ToParent) => {
      if (message.type === 'ready') return resolve();
      receive(message);
    });
  });

  function receive(message: Exclude<ToParent, { type: 'ready' }>): void {
    const task = running;
    if (task === null || reason !== null) return;
    if (message.type === 'progress') return tellProgress(task, message.value);
    if (message.type === 'ask') return void answer(task, message.id, message.what, message.payload);
    running = null;
    if (message.type === 'done') return task.resolve(message.value);
    const error = untell(message.error);
    if (message.error.code === null) {
      log.error({ err: error.cause }, 'a task in a worker process failed unexpectedly');
      // Nobody knows what it left behind.
      kill(error);
    }
    task.reject(error);
  }

  function tellProgress(task: Running, value: unknown): void {
    try {
      task.onProgress?.(value);
    } catch (error) {
      kill(error);
    }
  }

  async function answer(task: Running, id: number, what: string, payload: unknown): Promise<void> {
    try {
      const asked = task.answers?.[what];
      if (asked === undefined) throw new Error(`Nobody here answers '${what}'.`);
      send({ type: 'answer', id, value: await asked(payload as never) });
    } catch (error) {
      send({ type: 'refusal', id, error: tell(error) });
    }
  }

  function send(message: ToProcess): void {
    // A process that is gone reads nothing; what becomes of its task is told by its end.
    if (child.connected) child.send(message, () => {});
  }

  function kill(why: unknown): void {
    reason ??= why;
    child.kill('SIGKILL');
  }

  async function start(task: string, input: unknown): Promise<void> {
    child.ref();
    child.channel?.ref();
    const timer = setTimeout(() => kill(failure('worker_crashed', words.tell('slow_start'))), START_MS);
    await Promise.race([ready, exited]);
    clearTimeout(timer);
    if (alive && reason === null) send({ type: 'run', task, input });
  }

  return {
    get alive() {
      return alive && reason === null;
    },
    async run(task, input, run) {
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      running = { ...run, resolve, reject };
      const timer = setTimeout(() => kill(failure('worker_timeout')), run.timeoutMs);
      const abort = (): void => kill(run.signal!.reason);
      run.signal?.addEventListener('abort', abort, { once: true });
      try {
        if (run.signal?.aborted) abort();
        await start(task, input);
        return await promise;
      } catch (error) {
        // An input that cannot be sent, say: the process waits for a task that never comes.
        if (running !== null) {
          running = null;
          kill(error);
        }
        if (reason !== null) await exited;
        throw error;
      } finally {
        clearTimeout(timer);
        run.signal?.removeEventListener('abort', abort);
        child.unref();
        child.channel?.unref();
      }
    },
    async end() {
      kill(failure('worker_crashed', words.tell('closing')));
      await exited;
    },
  };
}

function judge(code: number | null, signal: NodeJS.Signals | null, said: string, memoryMb: number): Error {
  const mark = said.lastIndexOf(memoryMark);
  if (mark !== -1) {
    const [reached] = said.slice(mark + memoryMark.length).split('\n');
    return failure('worker_memory', words.tell('memory', { reached: reached!, most: String(memoryMb) }));
  }
  if (/heap out of memory|heap limit/i.test(said)) return failure('worker_memory');
  return failure(
    'worker_crashed',
    signal === null ? words.tell('ended_with', { code: String(code) }) : words.tell('ended_by', { signal }),
  );
}

/** What Node needs to run at all; none of the platform's own settings and secrets. */
function inheritedEnv(): NodeJS.ProcessEnv {
  const names = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'LD_LIBRARY_PATH', 'SystemRoot', 'TEMP', 'TMP'];
  const compiled = getCompileCacheDir();
  return {
    ...Object.fromEntries(
      names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
    ),
    // Half of a start is compiling.
    ...(compiled === undefined ? {} : { NODE_COMPILE_CACHE: compiled }),
    // Each thread's own arena of malloc keeps what was freed there; two are enough and give memory back.
    MALLOC_ARENA_MAX: '2',
  };
}
