import { readFile } from 'node:fs/promises';
import { deserialize, serialize } from 'node:v8';
import type { Logger } from '#platform/log';
import { unpack, type SecretsKey } from '#platform/secrets';
import { replaceFile } from './file.ts';

/** What one reader of the database knows, for the next process of this folder to start from. */
export interface Kept<T> {
  /** as the process before knew it, read anew at each look; null: there is nothing to start from */
  readonly found: T | null;
  /** It was read now. `value` is called when it is written, off the way of whoever read it: plain values, dates, buffers and maps. */
  learnt(value: () => T): void;
  /** It was looked at now, and is what it was. */
  unchanged(): void;
}

export interface Keeping {
  /** Whether there is something to start from. */
  readonly found: boolean;
  /** the key that what was found is sealed with */
  readonly key: SecretsKey | null;
  /** `dated`: how old it is counts for `asOf`; what is only read now and then does not. */
  part<T>(name: string, options?: { dated: boolean }): Kept<T>;
  /** ms since 1970: what is known is at least as new as this */
  asOf(): number;
  /** Writes from now on what changed; `seal` encrypts. */
  start(seal: (text: string) => Buffer): void;
  /** Writes what is not written yet. */
  close(): Promise<void>;
}

interface Content {
  /** ms since 1970 */
  at: number;
  parts: Record<string, Buffer>;
}

/** How often a change is looked for, and how long the file's own date may lag behind where there is none. */
const everyMs = 5_000;
const confirmEveryMs = 300_000;

/** For who reads the database at each start. */
export const notKept: Keeping = {
  found: false,
  key: null,
  part: () => ({ found: null, learnt() {}, unchanged() {} }),
  asOf: () => Date.now(),
  start() {},
  async close() {},
};

/**
 * Keeps in one file what a process knows from the database, so that the next one can start without it. The file is sealed with the key of the
 * secrets: whoever may write into the folder still cannot make up a caller or an address. `version` is the program's: another one's is not
 * read, for it may mean something else. A file that cannot be used is told of and left; one that cannot be written as well.
 */
export async function openKept(deps: {
  file: string;
  keys: readonly SecretsKey[];
  version: string;
  log: Logger;
  now(): Date;
  /** for tests */
  everyMs?: number;
}): Promise<Keeping> {
  const { file, log } = deps;
  const now = (): number => deps.now().getTime();
  const header = `llm-ops snapshot 1 ${deps.version}\n`;
  const before = await read(deps, header);
  const parts = new Map<string, { dirty: (() => unknown) | null; bytes: Buffer | null; at: number | null }>();
  let seal: ((text: string) => Buffer) | null = null;
  let timer: NodeJS.Timeout | null = null;
  let writing: Promise<void> | null = null;
  let changed = false;
  let writtenAt = 0;
  let told = false;

  const asOf = (): number => Math.min(now(), ...parts.values().flatMap(({ at }) => (at === null ? [] : [at])));

  /** A part at a time: the loop does other work between two large ones. */
  async function collect(): Promise<void> {
    for (const part of parts.values()) {
      if (part.dirty === null) continue;
      const bytes = serialize(part.dirty());
      part.dirty = null;
      if (part.bytes !== null && part.bytes.equals(bytes)) continue;
      part.bytes = bytes;
      changed = true;
      await new Promise(setImmediate);
    }
  }

  async function write(): Promise<void> {
    await collect();
    // not before everything is known: half of it is nothing to start from
    if (seal === null || parts.values().some(({ bytes, at }) => bytes === null && at !== null)) return;
    if (!changed && now() - writtenAt < confirmEveryMs) return;
    const known = parts.entries().flatMap(([name, { bytes }]) => (bytes === null ? [] : [[name, bytes] as const]));
    const content: Content = { at: asOf(), parts: Object.fromEntries(known) };
    try {
      await replaceFile(file, Buffer.concat([Buffer.from(header), seal(serialize(content).toString('base64'))]));
      changed = false;
      writtenAt = content.at;
      told = false;
    } catch (error) {
      if (!told)
        log.error(
          { err: error, file },
          'what this gateway knows cannot be kept: it will not start without the database',
        );
      told = true;
    }
  }

  function tick(): Promise<void> {
    writing ??= write().finally(() => (writing = null));
    return writing;
  }

  return {
    found: before !== null,
    key: before?.key ?? null,
    part<T>(name: string, { dated } = { dated: true }): Kept<T> {
      const bytes = before?.content.parts[name] ?? null;
      const part = { dirty: null as (() => unknown) | null, bytes, at: dated ? (before?.content.at ?? 0) : null };
      parts.set(name, part);
      const seen = (): void => {
        if (dated) part.at = now();
      };
      return {
        // made when it is asked for: a start with the database needs none of it
        get found() {
          return bytes === null ? null : (deserialize(bytes) as T);
        },
        learnt(value) {
          part.dirty = value;
          seen();
        },
        unchanged: seen,
      };
    },
    asOf,
    start(by) {
      seal = by;
      timer ??= setInterval(() => void tick(), deps.everyMs ?? everyMs).unref();
    },
    async close() {
      if (timer !== null) clearInterval(timer);
      timer = null;
      await writing;
      await tick();
    },
  };
}

async function read(
  { file, keys, log }: { file: string; keys: readonly SecretsKey[]; log: Logger },
  header: string,
): Promise<{ key: SecretsKey; content: Content } | null> {
  try {
    const bytes = await readFile(file);
    const end = bytes.indexOf('\n') + 1;
    if (bytes.subarray(0, end).toString('latin1') !== header) {
      log.warn({ file }, 'what the gateway of before knew was written by another version: it is not used');
      return null;
    }
    const sealed = bytes.subarray(end);
    const key = keys.find(({ id }) => id === sealed.subarray(0, 8).toString('hex'));
    if (key === undefined) {
      log.warn({ file }, 'what the gateway of before knew is sealed with another SECRETS_KEY: it is not used');
      return null;
    }
    return { key, content: deserialize(Buffer.from(unpack(key, sealed), 'base64')) as Content };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      log.warn({ err: error, file }, 'what the gateway of before knew cannot be read: it is not used');
    return null;
  }
}
