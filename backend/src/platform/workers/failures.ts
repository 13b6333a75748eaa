import { catalogue, failure, isFailure, type ErrorCode, type Failure, type Issue } from '#platform/errors';
import { words } from './sentences.ts';

/** An error as it goes from one process to the other. */
export interface Told {
  /** null: not a failure of the catalogue */
  code: ErrorCode | null;
  message: string;
  remedy?: string;
  said?: Failure['said'];
  issues?: Issue[];
  data?: Record<string, unknown>;
  stack?: string;
}

export function tell(error: unknown): Told {
  if (isFailure(error)) {
    const { code, message: text, remedy, said, issues, data } = error;
    return { code, message: text, remedy, said, issues, data };
  }
  const message = error instanceof Error ? error.message : String(error);
  const code = codeOf(error, message);
  return {
    code,
    message: code === null ? message : catalogue[code].message,
    stack: error instanceof Error ? error.stack : undefined,
  };
}

/** The failure that was told; `worker_crashed`, with what happened as its cause, when it was none of the catalogue. */
export function untell(told: Told): Error {
  const { code, message, remedy, said, issues, data, stack } = told;
  if (code !== null) return failure(code, { message, remedy, said, issues, data });
  const cause = new Error(message);
  if (stack !== undefined) cause.stack = stack;
  return failure('worker_crashed', { ...words.tell('failed'), cause });
}

/** Node says ENOSPC, DuckDB says it in words; where memory ends, each has words of its own. */
function codeOf(error: unknown, message: string): ErrorCode | null {
  const code = (error as { code?: unknown } | null)?.code;
  if (code === 'ENOSPC' || code === 'EDQUOT' || /no space left|max_temp_directory_size|quota exceeded/i.test(message))
    return 'disk_full';
  if (code === 'ENOMEM' || /^out of memory|array buffer allocation failed|invalid array length/i.test(message))
    return 'worker_memory';
  return null;
}
