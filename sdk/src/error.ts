import type { FailureData } from '@llm-ops/contracts';

/** A refused or failed call, as the platform explains it. */
export class ApiError extends Error {
  /** HTTP status; 0 when no answer came */
  readonly status: number;
  /** stable catalogue code: `model_not_found`; `network_unreachable` when no answer came */
  readonly code: string;
  /** finds the error in the server's log */
  readonly errorId: string | null;
  /** wrong fields, dotted paths */
  readonly issues: readonly NonNullable<FailureData['issues']>[number][];
  /** what to do about it */
  readonly remedy: string | null;
  /** the whole `data` of the failure; some codes add facts to it */
  readonly data: Record<string, unknown>;

  constructor(status: number, message: string, data: Partial<FailureData> = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'ApiError';
    this.status = status;
    this.code = data.code ?? 'unexpected_answer';
    this.errorId = data.errorId ?? null;
    this.issues = data.issues ?? [];
    this.remedy = data.remedy ?? null;
    this.data = data;
  }
}

/** Reads what a failed answer says; an answer that is no envelope (a proxy's page) keeps its status. */
export function errorOf(status: number, text: string, code?: string): ApiError {
  try {
    const reply = JSON.parse(text) as { message?: unknown; data?: Partial<FailureData>; error?: unknown };
    if (typeof reply.message === 'string') return new ApiError(status, reply.message, reply.data ?? {});
    if (typeof reply.error === 'string') return new ApiError(status, reply.error, code === undefined ? {} : { code });
  } catch {
    // no JSON: fall through
  }
  return new ApiError(status, `The server answered ${status}.`, {
    code: 'unexpected_answer',
    remedy: 'Look whether a proxy between here and the platform answered instead of it.',
  });
}

export function unreachable(cause: unknown): ApiError {
  return new ApiError(
    0,
    'The platform cannot be reached.',
    { code: 'network_unreachable', remedy: 'Look whether it runs and whether the network is up, then try again.' },
    cause,
  );
}
