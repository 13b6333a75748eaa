/** Why a revision cannot be served here; becomes a condition. `retry` is false when only another revision would help. */
export class Problem extends Error {
  readonly reason: string;
  readonly remedy: string;
  readonly retry: boolean;

  constructor(reason: string, message: string, remedy: string, detail: { retry?: boolean; cause?: unknown } = {}) {
    super(message, { cause: detail.cause });
    this.name = 'Problem';
    this.reason = reason;
    this.remedy = remedy;
    this.retry = detail.retry ?? true;
  }
}

export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new Problem(
    'PreparationFailed',
    `The model could not be prepared: ${message}`,
    'It is tried again; see the log of the platform.',
    {
      cause: error,
    },
  );
}
