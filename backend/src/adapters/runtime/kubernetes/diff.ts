import type { ManifestDifference } from '#ports/insight';
import { revisionLabel } from './cluster/objects.ts';
import { liveRevisionAnnotation } from './plan.ts';
import { bytes } from './quantity.ts';

type Json = Record<string, unknown>;
type Change = Omit<ManifestDifference, 'kind' | 'name'>;

/** Revisions have names of their own for the same thing: `serving-…-r2` is what `serving-…-r1` was. */
const revisionless = (text: string) => text.replace(/^(serving-[0-9a-f-]{36}(?:-hpa)?)-r\d+$/, '$1');
/** Tell the revisions apart by design. */
const own = [revisionLabel, liveRevisionAnnotation];

/** What differs between the manifests of two revisions, object by object; names that differ by the number alone are the same. Pure. */
export function manifestDifferences(before: readonly Json[], after: readonly Json[]): ManifestDifference[] {
  const olds = new Map(before.map((manifest) => [keyOf(manifest), manifest]));
  const news = new Map(after.map((manifest) => [keyOf(manifest), manifest]));
  const found: ManifestDifference[] = [];
  for (const key of new Set([...olds.keys(), ...news.keys()])) {
    const [was, is] = [olds.get(key), news.get(key)];
    const about = aboutOf((is ?? was)!);
    const changes: Change[] =
      was === undefined
        ? [{ path: '', change: 'added', before: null, after: is }]
        : is === undefined
          ? [{ path: '', change: 'removed', before: was, after: null }]
          : changesOf(was, is, '');
    found.push(...changes.map((change) => ({ ...about, ...change })));
  }
  return found;
}

function keyOf(manifest: Json): string {
  const { kind, name } = aboutOf(manifest);
  return `${kind} ${revisionless(name)}`;
}

function aboutOf(manifest: Json): { kind: string; name: string } {
  const { name } = (manifest['metadata'] ?? manifest) as { name?: unknown };
  return { kind: String(manifest['kind'] ?? ''), name: typeof name === 'string' ? name : '' };
}

function changesOf(before: unknown, after: unknown, path: string): Change[] {
  if (isObject(before) && isObject(after)) return changesOfFields(before, after, path);
  if (Array.isArray(before) && Array.isArray(after)) {
    const [olds, news] = [named(before), named(after)];
    if (olds !== null && news !== null) return changesOfMembers(olds, news, path);
    const length = Math.max(before.length, after.length);
    return Array.from({ length }, (_, at) => changesOf(before[at], after[at], `${path}[${at}]`)).flat();
  }
  if (isSame(before, after, path)) return [];
  const change = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed';
  return [{ path, change, before: before ?? null, after: after ?? null }];
}

function changesOfFields(before: Json, after: Json, path: string): Change[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  for (const key of own) keys.delete(key);
  return [...keys].flatMap((key) => {
    const at = /^[A-Za-z0-9_]+$/.test(key) ? (path === '' ? key : `${path}.${key}`) : `${path}[${key}]`;
    return changesOf(before[key], after[key], at);
  });
}

function changesOfMembers(olds: Map<string, unknown>, news: Map<string, unknown>, path: string): Change[] {
  return [...new Set([...olds.keys(), ...news.keys()])].flatMap((name) =>
    changesOf(olds.get(name), news.get(name), `${path}[${name}]`),
  );
}

/** Members by name, where all have one: their order means nothing. */
function named(list: readonly unknown[]): Map<string, unknown> | null {
  const entries = list.flatMap((member) => {
    const name = isObject(member) ? (member['name'] ?? member['mountPath']) : undefined;
    return typeof name === 'string' ? [[name, member] as const] : [];
  });
  const members = new Map(entries);
  return members.size === list.length ? members : null;
}

function isSame(before: unknown, after: unknown, path: string): boolean {
  if (before === after) return true;
  // the API server leaves out what says nothing
  if (isNothing(before) && isNothing(after)) return true;
  if (typeof before !== 'string' || typeof after !== 'string') return String(before) === String(after);
  if (/\b(requests|limits|sizeLimit|averageValue)\b/.test(path)) return bytes(before) === bytes(after);
  return revisionless(before) === revisionless(after);
}

function isNothing(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === false || value === 0) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
