import type { DatasetFormat } from '@llm-ops/contracts';
import { failure } from '#platform/errors';
import { formatOfName } from './engine/accept/name.ts';
import { datasetFieldWords, refusalWords } from './refusals.ts';

const segment = /^[A-Za-z0-9._-]{1,128}$/;

/** What a file is by its name, `.gz` or not; null: nothing that a dataset consists of. */
export function formatOf(path: string): DatasetFormat | null {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return name.startsWith('.') ? null : (formatOfName(name)?.format ?? null);
}

/**
 * The path of a dataset's file when it is one: at most three segments of `[A-Za-z0-9._-]{1,128}`, none of dots alone, ending as a format
 * does. Nothing is decoded, trimmed or changed. Throws `object_key_invalid` or `file_type_refused`.
 */
export function checkFilePath(path: string): string {
  const segments = path.split('/');
  if (segments.length > 3 || !segments.every((name) => segment.test(name) && !/^\.+$/.test(name))) {
    throw failure(
      'object_key_invalid',
      refusalWords.tell('path_invalid', { path: JSON.stringify(path.slice(0, 200)) }),
    );
  }
  if (formatOf(path) !== null) return path;
  throw failure('file_type_refused', {
    ...refusalWords.tell('path_ending', { path: JSON.stringify(path) }),
    issues: [{ path, ...datasetFieldWords.tell('ending') }],
  });
}

/** What a path cannot stand beside: a name that differs only by case, in a folder or the file itself, or a file where it has a folder. */
export function collision(path: string, existing: readonly string[]): string | undefined {
  return existing.find((other) => other !== path && clashes(other.split('/'), path.split('/')));
}

function clashes([a, ...restA]: string[], [b, ...restB]: string[]): boolean {
  if (a === undefined || b === undefined) return true;
  if (a.toLowerCase() !== b.toLowerCase()) return false;
  return a !== b || clashes(restA, restB);
}

/** Where the files of a version lie in the object store, as they were uploaded; made of ids, never of names. */
export function prefixOf(dataset: { id: string; version: string }): string {
  return `datasets/${dataset.id}/${dataset.version}/`;
}

/** Where what was read from the files of a version lies. */
export function rowsPrefixOf(dataset: { id: string }): string {
  return `dataset-rows/${dataset.id}/`;
}
