import { failure, type Failure } from '#platform/errors';

export type Json = Record<string, unknown>;

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What Ollama cannot do: `path` is the field of OpenAI's body, `tools.0.type`. */
export function refusal(path: string, why: string): Failure {
  return failure('upstream_refused', {
    message: `Ollama cannot do what "${path}" asks.`,
    issues: [{ path, message: why }],
  });
}

/** A list, or nothing where the field is missing. */
export function listAt(value: unknown, path: string): unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw refusal(path, 'Must be a list.');
  return value;
}

export function objectAt(value: unknown, path: string): Json {
  if (!isObject(value)) throw refusal(path, 'Must be an object.');
  return value;
}

export function textAt(value: unknown, path: string): string {
  if (typeof value !== 'string') throw refusal(path, 'Must be a text.');
  return value;
}
