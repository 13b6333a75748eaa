import { createHash } from 'node:crypto';
import type { Drifted } from '#ports/runtime';
import { fieldManager } from './cluster/client.ts';
import type { ManagedFields, Stored } from './cluster/informer.ts';
import { bytes } from './quantity.ts';
import type { Manifest } from './types.ts';

/** which plan an object was made by */
const planAnnotation = 'llm-ops.io/plan';

/** By what the API server tells the entries of a list apart; other lists are one value. */
const listKeys: Record<string, readonly string[]> = {
  containers: ['name'],
  initContainers: ['name'],
  volumes: ['name'],
  env: ['name'],
  imagePullSecrets: ['name'],
  volumeMounts: ['mountPath'],
  ports: ['containerPort', 'port', 'protocol'],
};
/** Fields that are quantities: 1000m is 1 there, and a text everywhere else. */
const quantities = new Set(['requests', 'limits', 'sizeLimit', 'averageValue']);

/** A step to a field: its name, or what tells the entry of a list. */
type Step = string | Record<string, unknown>;

interface Difference {
  path: readonly Step[];
  wanted: unknown;
  found: unknown;
}

/** The manifest with the mark of the plan that it belongs to, as it is sent. */
export function marked(manifest: Manifest): Manifest {
  const plan = createHash('sha256').update(JSON.stringify(manifest)).digest('hex').slice(0, 16);
  const { metadata } = manifest;
  return { ...manifest, metadata: { ...metadata, annotations: { ...metadata.annotations, [planAnnotation]: plan } } };
}

/** The plan that an object was made by. */
export const planOf = ({ metadata }: Pick<Manifest, 'metadata'> | Stored): string | undefined =>
  metadata.annotations?.[planAnnotation];

/** Whether it was made by this very plan, whatever was changed since. */
export const isOfPlan = (wanted: Manifest, live: Stored): boolean => planOf(live) === planOf(wanted);

/**
 * Which of our fields others have changed, and who. A field that differs and is still ours was put so by the API server or a webhook, or
 * is of an earlier plan: no drift. What others added beside our fields is theirs. `wanted` is marked; null: the object is gone. Pure.
 */
export function driftOf(wanted: Manifest, live: Stored | null): Drifted[] {
  const object = `${wanted.kind} ${wanted.metadata.name}`;
  if (live === null || live.metadata.deletionTimestamp !== undefined)
    return [{ object, path: '', wanted: null, found: null, by: null, at: null }];
  const differences = differencesOf(wanted, live, []);
  if (differences.length === 0) return [];
  const writers = (live.metadata.managedFields ?? []).filter(({ subresource }) => subresource === undefined);
  const ours = writers.filter(({ manager }) => isOurs(manager));
  const others = writers
    .filter(({ manager }) => !isOurs(manager))
    .sort((a, b) => (a.time ?? '').localeCompare(b.time ?? ''));
  const same = isOfPlan(wanted, live);
  return differences.flatMap(({ path, wanted: is, found }): Drifted[] => {
    const owner = others.findLast((entry) => owns(entry, path));
    if (owner === undefined && (!same || ours.some((entry) => owns(entry, path)))) return [];
    // of what was taken out nobody is the owner: it was whoever wrote last
    const by = owner ?? (found === undefined ? others.at(-1) : undefined);
    const quiet = isPrivate(path);
    return [
      {
        object,
        path: tell(path),
        wanted: quiet ? null : is,
        found: quiet ? null : (found ?? null),
        by: by?.manager ?? null,
        at: by?.time ?? null,
      },
    ];
  });
}

const isOurs = (manager: string | undefined) => manager === fieldManager || manager === `${fieldManager}-scale`;

/** Values of environment variables may be secrets. */
const isPrivate = (path: readonly Step[]) => path.includes('env');

function differencesOf(wanted: unknown, found: unknown, path: readonly Step[]): Difference[] {
  if (Array.isArray(wanted)) return differencesOfList(wanted, found, path);
  if (isRecord(wanted)) {
    if (!isRecord(found)) return [{ path, wanted, found }];
    return Object.entries(wanted).flatMap(([name, value]) =>
      value === undefined || (path.length === 0 && (name === 'apiVersion' || name === 'kind'))
        ? []
        : differencesOf(value, found[name], [...path, name]),
    );
  }
  return isSame(wanted, found, path) ? [] : [{ path, wanted, found }];
}

function differencesOfList(wanted: readonly unknown[], found: unknown, path: readonly Step[]): Difference[] {
  const live = Array.isArray(found) ? (found as unknown[]) : [];
  const keys = listKeys[String(path.at(-1))];
  const keyed =
    keys !== undefined && wanted.every((one) => isRecord(one) && keys.some((key) => one[key] !== undefined));
  if (!keyed) {
    const same =
      live.length === wanted.length && wanted.every((one, index) => differencesOf(one, live[index], path).length === 0);
    return same ? [] : [{ path, wanted, found }];
  }
  return (wanted as Record<string, unknown>[]).flatMap((one) => {
    const key = Object.fromEntries(keys.filter((name) => one[name] !== undefined).map((name) => [name, one[name]]));
    const step = [...path, key];
    const there = live.find((other) => isRecord(other) && matches(other, key));
    return there === undefined ? [{ path: step, wanted: one, found: undefined }] : differencesOf(one, there, step);
  });
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const matches = (entry: Record<string, unknown>, key: Record<string, unknown>) =>
  Object.entries(key).every(([name, value]) => entry[name] === value);

function isSame(wanted: unknown, found: unknown, path: readonly Step[]): boolean {
  if (wanted === found) return true;
  const quantity = path.some((step) => typeof step === 'string' && quantities.has(step));
  return quantity && found !== undefined && bytes(String(wanted)) === bytes(String(found));
}

/** Whether somebody's fields hold this one: itself, or something that it is a part of as a whole. */
function owns({ fieldsV1 }: ManagedFields, path: readonly Step[]): boolean {
  let at = JSON.parse(fieldsV1 ?? '{}') as Record<string, unknown>;
  for (const step of path) {
    const name =
      typeof step === 'string'
        ? `f:${step}`
        : Object.keys(at).find((key) => key.startsWith('k:') && matches(JSON.parse(key.slice(2)) as never, step));
    const next = name === undefined ? undefined : at[name];
    if (next === undefined) return false;
    at = next as Record<string, unknown>;
    if (Object.keys(at).length === 0) return true;
  }
  return true;
}

/** For people: `spec.template.spec.containers[serving].image`. */
const tell = (path: readonly Step[]) =>
  path.reduce<string>(
    (text, step) =>
      typeof step === 'string' ? (text === '' ? step : `${text}.${step}`) : `${text}[${Object.values(step).join('/')}]`,
    '',
  );
