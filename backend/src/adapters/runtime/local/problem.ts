import type { Condition } from '#ports/runtime';
import { words } from './sentences.ts';

type Told = Pick<Condition, 'message' | 'remedy' | 'said'>;

/** Why a revision cannot be served here; becomes a condition. `retry` is false when only another revision would help. */
export class Problem extends Error {
  readonly reason: string;
  readonly remedy: string;
  readonly said: Told['said'];
  readonly retry: boolean;

  constructor(reason: string, told: Told, detail: { retry?: boolean; cause?: unknown } = {}) {
    super(told.message, { cause: detail.cause });
    this.name = 'Problem';
    this.reason = reason;
    this.remedy = told.remedy;
    this.said = told.said;
    this.retry = detail.retry ?? true;
  }
}

export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const cause = error instanceof Error ? error.message : String(error);
  return new Problem('PreparationFailed', words.tell('preparation', { cause }), { cause: error });
}
