import { failure, isFailure } from '#platform/errors';
import type { RunOptions, Workers } from '#platform/workers';
import type { DatasetsDeps } from './deps.ts';
import type { TaskName, Tasks } from './engine/tasks.ts';

/** read by the processes for people who wait; what is larger waits for those of long work */
const smallBytes = 64 * 1024 * 1024;

/** The processes for something of so many bytes. */
export function workersFor(workers: { quick: Workers; long: Workers }, bytes: number): Workers {
  return bytes <= smallBytes ? workers.quick : workers.long;
}

/**
 * Asks the engine for somebody who waits for the answer: `timeoutMs` holds with the time until a process is free. Throws
 * `dataset_engine_failed` whatever became of the process, and what the task itself refuses.
 */
export async function askEngine<Name extends TaskName>(
  workers: Workers,
  task: Name,
  input: Tasks[Name]['input'],
  options: { timeoutMs: number; signal?: AbortSignal },
): Promise<Tasks[Name]['output']> {
  const { timeoutMs, signal } = options;
  const late = AbortSignal.timeout(timeoutMs);
  try {
    return await workers.run<Tasks[Name]['output']>(task, input, {
      timeoutMs,
      signal: signal ? AbortSignal.any([late, signal]) : late,
    });
  } catch (error) {
    if (signal?.aborted) throw failure('upload_aborted', { message: 'Nobody waits for the answer.', cause: error });
    if (isFailure(error) && error.status < 500) throw error;
    throw engineFailure(error, late.aborted, timeoutMs);
  }
}

function engineFailure(error: unknown, late: boolean, timeoutMs: number) {
  if (late || isFailure(error, 'worker_timeout')) {
    return failure('dataset_engine_failed', {
      message: `The rows could not be read within ${Math.round(timeoutMs / 1000)} s.`,
      remedy:
        'Try again when no validation is under way, or ask for less; very large versions take longer than an answer may.',
      cause: error,
    });
  }
  if (isFailure(error, 'worker_memory') || isFailure(error, 'disk_full'))
    return failure('dataset_engine_failed', {
      message: error.message,
      remedy: error.remedy,
      said: error.said,
      cause: error,
    });
  return failure('dataset_engine_failed', { cause: error });
}

/** What the engine may ask for while it works. */
export function answersOf({
  entities,
  log,
}: Pick<DatasetsDeps, 'entities' | 'log'>): NonNullable<RunOptions['answers']> {
  if (entities === null) return {};
  return {
    ner: async ({ texts }: { texts: string[] }) => {
      try {
        return await entities(texts);
      } catch (error) {
        log.warn({ reason: (error as Error).message }, 'the Presidio server did not find names');
        throw error;
      }
    },
  };
}

/** What became of durable work, and what to do, for whoever looks at it later. */
export function toldOf(error: unknown): { error: string; remedy: string } {
  const remedy = 'Start it again; if it stays, see the log of the server.';
  if (!isFailure(error)) return { error: 'It failed unexpectedly.', remedy };
  const [first] = error.issues ?? [];
  const place = first === undefined || error.message.includes(first.message) ? '' : ` ${first.path}: ${first.message}`;
  // its own remedy speaks of the answer to a request
  return { error: `${error.message}${place}`, remedy: error.code === 'worker_crashed' ? remedy : error.remedy };
}
