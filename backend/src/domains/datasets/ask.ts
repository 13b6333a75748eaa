import { failure, isFailure } from '#platform/errors';
import { again, remedyBy, together, type Said } from '#platform/words';
import type { RunOptions, Workers } from '#platform/workers';
import type { DatasetsDeps } from './deps.ts';
import type { TaskName, Tasks } from './engine/tasks.ts';
import { refusalWords, workWords } from './refusals.ts';

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
    if (signal?.aborted) throw failure('upload_aborted', { ...refusalWords.tell('nobody_waits'), cause: error });
    if (isFailure(error) && error.status < 500) throw error;
    throw engineFailure(error, late.aborted, timeoutMs);
  }
}

function engineFailure(error: unknown, late: boolean, timeoutMs: number) {
  if (late || isFailure(error, 'worker_timeout')) {
    return failure('dataset_engine_failed', {
      ...refusalWords.tell('late', { seconds: Math.round(timeoutMs / 1000) }),
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

export interface Told {
  error: string;
  remedy: string;
  /** of both */
  said: Said;
}

/** What became of durable work, and what to do, for whoever looks at it later. */
export function toldOf(error: unknown): Told {
  if (!isFailure(error)) return workWords.tell('unexpected');
  const { message, said } = error;
  const [first] = error.issues ?? [];
  const known = said['message'];
  const what =
    first === undefined || message.includes(first.message)
      ? { error: message, said: { ...(known && { error: known }) } }
      : workWords.tell('at', {
          what: again(error, 'message'),
          path: first.path,
          issue: again(first, 'message'),
        });
  // its own remedy speaks of the answer to a request
  const remedy = error.code === 'worker_crashed' ? workWords.tell('unexpected') : error;
  return together(what, remedyBy(remedy));
}

/** The same in one field. */
export const inOne = (told: Told): Pick<Told, 'error' | 'said'> =>
  workWords.tell('whole', { error: again(told, 'error'), remedy: again(told, 'remedy') });

/** Each try of it came to no end. */
export const killed: Told = workWords.tell('killed');
