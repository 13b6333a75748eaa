import type { Envelope, FailureData } from '@llm-ops/contracts';
import { failure, isFailure, type Failure } from '#platform/errors';
import { uuidv7 } from '#platform/ids';
import { unavailable } from '#platform/db';

export function success<T>(data: T, message = 'OK'): Envelope<T> {
  return { status: 'success', message, data };
}

/** The failure that a client sees, its envelope and the headers that go with it. */
export interface FailureReply {
  failure: Failure;
  status: number;
  headers: Record<string, string>;
  envelope: Envelope<FailureData>;
}

/** Anything thrown, as the envelope answers it. What is not a `Failure` is named by its errorId alone; the log has the rest. */
export function failureReply(error: unknown): FailureReply {
  const known = asFailure(error);
  const data: FailureData = { ...known.data, code: known.code, errorId: uuidv7(), remedy: known.remedy };
  if (Object.keys(known.said).length > 0) data.said = known.said;
  if (known.issues !== undefined) data.issues = known.issues;
  const headers: Record<string, string> = { ...known.headers };
  if (known.status === 503 && headers['retry-after'] === undefined) headers['retry-after'] = '5';
  return { failure: known, status: known.status, headers, envelope: { status: 'fail', message: known.message, data } };
}

const plainFace = /^\/v1\/organization(\/|$)/;

/** What is sent: the envelope, or `{error}` below `/v1/organization`, with all that there is to say in one text. */
export function failureBody(path: string, { failure: known, envelope }: FailureReply): unknown {
  if (!plainFace.test(path)) return envelope;
  const fields = known.issues?.map(({ path: at, message }) => `${at}: ${message}`) ?? [];
  return { error: [known.message, ...fields, known.remedy].map(asSentence).join(' ') };
}

/** What others say (a cluster, an engine) may end without a full stop, and something follows here. */
const asSentence = (text: string): string => (/[.!?:;]$/.test(text.trim()) ? text.trim() : `${text.trim()}.`);

/** Codes of the HTTP framework, in our words. */
const framework: Record<string, () => Failure> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () => failure('media_type_unsupported'),
  FST_ERR_CTP_BODY_TOO_LARGE: () => failure('payload_too_large'),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () =>
    failure('body_malformed', { message: 'Content-Length does not agree with the body.' }),
  FST_ERR_CTP_INVALID_JSON_BODY: () => failure('body_malformed'),
  FST_ERR_BAD_URL: () =>
    failure('validation_failed', {
      message: 'The path is not valid percent-encoding.',
      issues: [{ path: 'url', message: 'Encode it as UTF-8 percent-encoding.' }],
    }),
};

function asFailure(error: unknown): Failure {
  if (isFailure(error)) return error;
  if (unavailable(error)) return failure('database_unavailable', { cause: error });
  const code = (error as { code?: unknown } | null)?.code;
  const mapped = typeof code === 'string' ? framework[code] : undefined;
  if (mapped !== undefined) return mapped();
  if (error instanceof SyntaxError && (error as { statusCode?: number }).statusCode === 400)
    return failure('body_malformed', { cause: error });
  return failure('internal', { cause: error });
}
