import { failure } from '#platform/errors';
import { words } from './refusals.ts';

/** What a model consists of: weights, configurations, tokenizers, templates, texts. */
const extensions = [
  '.bin',
  '.safetensors',
  '.json',
  '.txt',
  '.pt',
  '.pth',
  '.onnx',
  '.gguf',
  '.jinja',
  '.model',
  '.md',
] as const;

const segment = /^[A-Za-z0-9._-]{1,128}$/;

/**
 * The path of a model's file when it is one: at most three segments of `[A-Za-z0-9._-]{1,128}`, none of dots alone, ending in one of
 * `extensions`. Nothing is decoded, trimmed or changed. Throws `object_key_invalid` or `file_type_refused`.
 */
export function checkFilePath(path: string): string {
  if (!hasGoodSegments(path)) {
    throw failure('object_key_invalid', words.tell('path_invalid', { path: JSON.stringify(path.slice(0, 200)) }));
  }
  if (hasGoodExtension(path)) return path;
  throw failure('file_type_refused', {
    ...words.tell('path_ending', { path: JSON.stringify(path) }),
    issues: [{ path, ...words.tell('endings', { endings: extensions.join(' ') }) }],
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

/** Where the files of a model version lie in the object store; made of ids, never of names. */
export function prefixOf(model: { id: string; version: string }): string {
  return `models/${model.id}/${model.version}/`;
}

export function isFilePath(path: string): boolean {
  return hasGoodSegments(path) && hasGoodExtension(path);
}

function hasGoodSegments(path: string): boolean {
  const segments = path.split('/');
  return segments.length <= 3 && segments.every((name) => segment.test(name) && !/^\.+$/.test(name));
}

function hasGoodExtension(path: string): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1).toLowerCase();
  return extensions.some((extension) => name.endsWith(extension) && name.length > extension.length);
}
