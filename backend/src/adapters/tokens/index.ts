import type { Logger } from '#platform/log';
import type { TokenCounter } from '#ports/tokens';
import { maxTokenizerBytes, type TokenizerFiles } from './source.ts';
import { createThread } from './thread.ts';

export { createTokenizerSource } from './source.ts';

const MiB = 1024 * 1024;
const maxTextBytes = 4 * MiB;
/** of all texts that wait for their turn, in characters */
const maxWaiting = 64 * MiB;
const maxLoaded = 8;
/** of tokenizer.json, in all: in memory it is about nine times that */
const maxLoadedBytes = 64 * MiB;
const loadMs = 30_000;
/** how long a model without a tokenizer that can be read is not looked at again */
const unknownMs = 60_000;

/**
 * Counts in one thread of its own, so that neither a long text nor a bad tokenizer holds up the server. What takes longer than
 * `countMs` is answered null and ends the thread; those who wait behind it get a new one.
 */
export function createTokenCounter({
  tokenizerOf,
  log,
  countMs = 2_000,
  idleMs = 5 * 60_000,
  heapMb = 1_024,
}: {
  /** null: this model has none */
  tokenizerOf(modelId: string): Promise<TokenizerFiles | null>;
  log: Logger;
  countMs?: number;
  idleMs?: number;
  heapMb?: number;
}): TokenCounter & { isRunning(): boolean } {
  /** bytes of tokenizer.json by model, the one used last at the end */
  const loaded = new Map<string, number>();
  const loading = new Map<string, Promise<boolean>>();
  const unknown = new Map<string, number>();
  const thread = createThread({ idleMs, heapMb, ended: () => loaded.clear() });
  let line: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  let closed = false;

  /** The thread does one thing at a time: whatever kills it fails alone. */
  function inLine<T>(work: () => Promise<T>): Promise<T> {
    const turn = line.then(work);
    line = turn.catch(() => {});
    return turn;
  }

  function load(modelId: string): Promise<boolean> {
    if ((unknown.get(modelId) ?? 0) > performance.now()) return Promise.resolve(false);
    const under = loading.get(modelId);
    if (under !== undefined) return under;
    const work = read(modelId)
      .catch((error: unknown) => {
        if (!closed)
          log.warn({ model_id: modelId, reason: String(error) }, 'the tokenizer of this model cannot be used to count');
        return false;
      })
      .then((found) => {
        if (!found && unknown.size >= 1_000) unknown.clear();
        if (!found) unknown.set(modelId, performance.now() + unknownMs);
        return found;
      })
      .finally(() => loading.delete(modelId));
    loading.set(modelId, work);
    return work;
  }

  async function read(modelId: string): Promise<boolean> {
    const files = await tokenizerOf(modelId);
    if (files === null) return false;
    const json = bytesOf(files.json);
    if (json.length > maxTokenizerBytes) throw new Error(`tokenizer.json has ${json.length} bytes, 32 MiB are read`);
    const { length } = json;
    const config = files.config === null ? null : bytesOf(files.config);
    await inLine(async () => {
      if (closed) return;
      const late = setTimeout(() => void thread.end(`it was not loaded within ${loadMs / 1000} s`), loadMs);
      try {
        // moved where it can be: copying many MiB would stop the server for as many milliseconds
        await thread.ask({ kind: 'load', model: modelId, json, config }, isWhole(json) ? [json.buffer] : []);
      } finally {
        clearTimeout(late);
      }
      loaded.set(modelId, length);
      for (const oldest of surplus()) {
        loaded.delete(oldest);
        await thread.ask({ kind: 'drop', model: oldest });
      }
    });
    return true;
  }

  /** Those that go, so that the rest is within bounds; never the last one. */
  function surplus(): string[] {
    const models = [...loaded.keys()];
    let bytes = models.reduce((sum, model) => sum + loaded.get(model)!, 0);
    let first = 0;
    while (first < models.length - 1 && (models.length - first > maxLoaded || bytes > maxLoadedBytes))
      bytes -= loaded.get(models[first++]!)!;
    return models.slice(0, first);
  }

  async function run(job: Job, modelId: string, texts: readonly string[]): Promise<number | null> {
    // it may be dropped or lost again before this one's turn
    while (!job.over && !closed) {
      if (!loaded.has(modelId) && !(await load(modelId))) return null;
      const count = await inLine(async () => {
        const bytes = loaded.get(modelId);
        if (bytes === undefined || job.over || closed) return null;
        loaded.delete(modelId);
        loaded.set(modelId, bytes);
        job.counting = true;
        return thread.ask({ kind: 'count', model: modelId, texts }).finally(() => (job.counting = false));
      });
      if (count !== null) return count;
    }
    return null;
  }

  return {
    async count(modelId, texts) {
      const size = texts.reduce((sum, { length }) => sum + length, 0);
      if (closed || waiting + size > maxWaiting || texts.some(isTooLong)) return null;
      waiting += size;
      const job: Job = { over: false, counting: false };
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<null>((resolve) => {
        timer = setTimeout(() => {
          job.over = true;
          if (job.counting) void thread.end(`it took longer than ${countMs} ms`);
          resolve(null);
        }, countMs);
      });
      const counted = run(job, modelId, texts).catch((error: unknown) => {
        log.warn({ model_id: modelId, reason: String(error) }, 'the tokens of a text could not be counted');
        return null;
      });
      try {
        return await Promise.race([counted, late]);
      } finally {
        clearTimeout(timer);
        waiting -= size;
      }
    },
    isRunning: thread.isRunning,
    async close() {
      closed = true;
      await thread.end();
    },
  };
}

interface Job {
  /** nobody waits for it any more */
  over: boolean;
  counting: boolean;
}

const isTooLong = (text: string): boolean => text.length > maxTextBytes || Buffer.byteLength(text) > maxTextBytes;
const bytesOf = (content: Buffer | string): Uint8Array<ArrayBuffer> =>
  (typeof content === 'string' ? Buffer.from(content) : content) as Uint8Array<ArrayBuffer>;
const isWhole = ({ byteLength, buffer }: Uint8Array): boolean => byteLength === buffer.byteLength;
