/** A failure in OpenAI's shape: `{error: {message, type, param, code}}` with its HTTP status. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly param: string | null;

  constructor(status: number, code: string, message: string, param: string | null = null) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
    this.param = param;
  }
}

export function errorBody(error: unknown): { status: number; body: { error: Record<string, unknown> } } {
  const known = error instanceof ApiError ? error : new ApiError(500, 'internal_error', 'The engine failed to answer.');
  const { status, code, message, param } = known;
  return { status, body: { error: { message, type: typeOf(status), param, code } } };
}

/** `size` says how long the prompt is: `2100 tokens`; `input`: the field, when it is to be embedded. */
export function tooLong(contextLength: number, size: string, input: string | null = null): ApiError {
  const message = `This model's maximum context length is ${contextLength} tokens, but ${input ?? 'the prompt'} has ${size}.`;
  return new ApiError(400, 'context_length_exceeded', message, input ?? 'messages');
}

function typeOf(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 503) return 'service_unavailable_error';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}
