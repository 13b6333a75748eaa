import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from '#platform/log';
import { ClusterError, type ClusterClient, type Query } from './client.ts';

export interface Stored {
  metadata: {
    name: string;
    namespace?: string;
    uid: string;
    resourceVersion: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    creationTimestamp?: string;
    deletionTimestamp?: string;
    managedFields?: ManagedFields[];
    ownerReferences?: { uid: string }[];
  };
}

/** Which fields somebody wrote last; `fieldsV1` as JSON, so that thousands of them cost little while nobody reads them. */
export interface ManagedFields {
  manager?: string;
  operation?: string;
  subresource?: string;
  time?: string;
  fieldsV1?: string;
}

export interface Informer<T extends Stored> {
  all(): Iterable<T>;
  /** Objects with that value of the index. */
  by(key: string): readonly T[];
  named(namespace: string, name: string): T | null;
  /** What an apply answered is known before the watch tells of it. */
  learn(object: T): void;
  /** Whether it has been listed once. */
  synced(): boolean;
  /** Waits for the first list or the first failure, at most so long; answers whether there was one. */
  listed(ms: number): Promise<boolean>;
  /** Waits, at most so long, until it is followed; where it is not, it is tried at once, and the outcome of that is waited for. */
  current(ms: number): Promise<void>;
  /** Since when it cannot be followed; null: it is. */
  lostSince(): Date | null;
  /** Why it cannot be followed; null: it is. */
  problem(): string | null;
  /** The same as it was thrown. */
  failed(): Error | null;
  stop(): void;
}

/** a watch that says nothing for so long, not even a bookmark, is taken for dead: the API server sends one about every minute */
const silentMs = 150_000;
const resyncMs = 10 * 60_000;

/**
 * Keeps a copy of a collection: list, then watch from there. A watch that ends, expires (410), breaks off or falls silent is taken up
 * again, by a new list where needed, with back-off from 0.5 s to 30 s; every ten minutes all is listed anew. `onChange` gets the index
 * keys of what changed.
 */
export function createInformer<T extends Stored>(deps: {
  client: ClusterClient;
  path: string;
  query: Query;
  index(object: T): string | undefined;
  /** Which are kept: all, when not given. */
  keep?(object: T): boolean;
  /** What is kept of an object: all, when not given. */
  trim?(object: T): T;
  onChange(key: string): void;
  /** It can be followed no more, or again. */
  onTurn?(): void;
  log: Logger;
}): Informer<T> {
  const { client, path, query, index, onChange, log } = deps;
  const trim = deps.trim ?? ((object: T) => object);
  const first = Promise.withResolvers<void>();
  const objects = new Map<string, T>();
  const names = new Map<string, T>();
  const indexed = new Map<string, T[]>();
  const stopping = new AbortController();
  let synced = false;
  let lost: Date | null = null;
  let failed: Error | null = null;
  let attempt = Promise.withResolvers<void>();
  let pause = new AbortController();
  let version = '';

  function put(object: T): void {
    if (deps.keep?.(object) === false) return;
    const known = objects.get(object.metadata.uid);
    if (known !== undefined) {
      // a watch that begins again may repeat what is known
      if (!isNewer(object.metadata.resourceVersion, known.metadata.resourceVersion)) return;
      drop(known, index(known) !== index(object));
    }
    objects.set(object.metadata.uid, object);
    names.set(nameOf(object), object);
    const key = index(object);
    if (key === undefined) return;
    indexed.set(key, [...(indexed.get(key) ?? []), object]);
    onChange(key);
  }

  function drop(object: T, tell = true): void {
    const known = objects.get(object.metadata.uid);
    if (known === undefined) return;
    objects.delete(object.metadata.uid);
    if (names.get(nameOf(known)) === known) names.delete(nameOf(known));
    const key = index(known);
    if (key === undefined) return;
    const rest = (indexed.get(key) ?? []).filter((other) => other !== known);
    if (rest.length === 0) indexed.delete(key);
    else indexed.set(key, rest);
    if (tell) onChange(key);
  }

  async function list(): Promise<void> {
    const seen = new Set<string>();
    let next: string | undefined;
    do {
      const page: { metadata: { resourceVersion: string; continue?: string }; items: T[] } = await client.get(path, {
        ...query,
        limit: 500,
        continue: next,
      });
      // a cluster brought back from a backup counts on from there
      if (isNewer(version, page.metadata.resourceVersion)) for (const object of objects.values()) drop(object);
      for (const item of page.items) {
        seen.add(item.metadata.uid);
        put(trim(item));
      }
      version = page.metadata.resourceVersion;
      next = page.metadata.continue || undefined;
    } while (next !== undefined && !stopping.signal.aborted);
    // what was learned from an apply after the list was taken is not in it
    for (const object of objects.values())
      if (!seen.has(object.metadata.uid) && !isNewer(object.metadata.resourceVersion, version)) drop(object);
    synced = true;
    failed = null;
    const again = lost !== null;
    lost = null;
    tried();
    if (again) deps.onTurn?.();
  }

  /** Whoever waits for this try goes on. */
  function tried(): void {
    first.resolve();
    attempt.resolve();
    attempt = Promise.withResolvers<void>();
  }

  async function follow(): Promise<void> {
    const round = new AbortController();
    const end = () => round.abort();
    stopping.signal.addEventListener('abort', end, { once: true });
    const resync = setTimeout(end, resyncMs);
    let silence = setTimeout(end, silentMs);
    try {
      await client.watch(
        path,
        { ...query, resourceVersion: version, allowWatchBookmarks: true, timeoutSeconds: 600 },
        ({ type, object }) => {
          clearTimeout(silence);
          silence = setTimeout(end, silentMs);
          if (type === 'ERROR')
            throw new ClusterError(object.code ?? 500, object.reason ?? 'Error', object.message ?? '');
          version = object.metadata?.resourceVersion ?? version;
          if (type === 'BOOKMARK') return;
          if (type === 'DELETED') drop(object as T);
          else put(trim(object as T));
        },
        round.signal,
      );
    } finally {
      clearTimeout(silence);
      clearTimeout(resync);
      stopping.signal.removeEventListener('abort', end);
    }
  }

  async function run(): Promise<void> {
    let failures = 0;
    while (!stopping.signal.aborted) {
      try {
        await list();
        failures = 0;
        await follow();
      } catch (error) {
        if (stopping.signal.aborted) return;
        failures++;
        failed = error as Error;
        if (lost === null) {
          lost = new Date();
          deps.onTurn?.();
        }
        tried();
        const expired = error instanceof ClusterError && error.status === 410;
        // a kind that the cluster does not know, or a long outage, is told once in a while
        if (!expired && (failures === 1 || failures % 20 === 0))
          log.warn({ reason: String(error), path, failures }, 'the cluster cannot be followed; trying again');
        const ms = expired ? 0 : Math.min(500 * 2 ** (failures - 1), 30_000) * (0.5 + Math.random() / 2);
        pause = new AbortController();
        const signal = AbortSignal.any([stopping.signal, pause.signal]);
        await wait(ms, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  void run();
  return {
    all: () => objects.values(),
    by: (key) => indexed.get(key) ?? [],
    named: (namespace, name) => names.get(`${namespace}/${name}`) ?? null,
    learn: (object) => put(trim(object)),
    synced: () => synced,
    async listed(ms) {
      if (synced) return true;
      const late = new AbortController();
      await Promise.race([first.promise, wait(ms, undefined, { signal: late.signal }).catch(() => undefined)]);
      late.abort();
      return synced;
    },
    async current(ms) {
      if (synced && lost === null) return;
      const late = new AbortController();
      const { promise } = attempt;
      pause.abort();
      await Promise.race([promise, wait(ms, undefined, { signal: late.signal }).catch(() => undefined)]);
      late.abort();
    },
    lostSince: () => lost,
    problem: () => failed?.message ?? null,
    failed: () => failed,
    stop: () => stopping.abort(),
  };
}

const nameOf = ({ metadata }: Stored) => `${metadata.namespace ?? ''}/${metadata.name}`;

/** Versions of one cluster are numbers that only grow. */
const isNewer = (version: string, than: string) =>
  version.length === than.length ? version > than : version.length > than.length;
