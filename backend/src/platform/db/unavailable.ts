import { failure, isFailure, type Failure } from '#platform/errors';

/** SQLSTATE classes and codes that say "not now" and nothing about the query: connection, shutdown, too many clients, time-out. */
const states = /^(08...|57P0[1-5]|57014|53300)$/;
const network = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
]);
const messages =
  /^(Connection terminated|Query read timeout|timeout exceeded when trying to connect|timeout expired|Client (was closed|has encountered a connection error)|Cannot use a pool after calling end)/;

/** Whether an error of the pg driver means that the database cannot be reached or does not answer, rather than that a query is wrong. */
export function unavailable(error: unknown): boolean {
  if (isFailure(error)) return error.code === 'database_unavailable';
  if (!(error instanceof Error)) return false;
  const { code, syscall } = error as Error & { code?: unknown; syscall?: unknown };
  if (typeof code === 'string' && (states.test(code) || (network.has(code) && syscall !== 'open'))) return true;
  if (messages.test(error.message)) return true;
  return error instanceof AggregateError && error.errors.some(unavailable);
}

/** The failure a client sees for it; Retry-After in seconds. */
export function databaseUnavailable(cause: unknown): Failure {
  return isFailure(cause, 'database_unavailable')
    ? cause
    : failure('database_unavailable', { cause, headers: { 'retry-after': '2' } });
}
