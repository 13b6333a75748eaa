import { join } from 'node:path';
import { availableParallelism } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { DuckDBInstance, type DuckDBConnection, type DuckDBValue } from '@duckdb/node-api';
import bindings from '@duckdb/node-bindings';
import { failure } from '#platform/errors';
import { openChunk, type Chunk } from './chunk.ts';
import { literal } from './sql.ts';
import { toCell, type Cell } from './values.ts';

export type { Chunk } from './chunk.ts';
export type { Cell } from './values.ts';
export { ident, literal, parquet, parquetOptions, rowColumn } from './sql.ts';

export interface DuckDbOptions {
  /** of the whole process; DuckDB takes half, the rest is for JavaScript */
  memoryMb: number;
  /** the only files it may read */
  read: readonly string[];
  /** the only files it may write, and read */
  write: readonly string[];
  /** a folder for what does not fit into memory, which SQL may write too; null: nothing is put off to the disk */
  scratch: string | null;
  /** default: as many as there are processors, at most four */
  threads?: number;
  /** false: results and written files come in any order, with less memory; default true. With one thread the order stays anyway. */
  ordered?: boolean;
}

/** Of work that nobody waits for: a processor is left to the server, and to what is done here with the results. */
export const threadsBeside = (): number => Math.max(1, Math.min(4, availableParallelism() - 1));

export type Param = string | number | bigint | boolean | null;
export interface DuckDb {
  run(sql: string, params?: readonly Param[]): Promise<void>;
  all<T = Record<string, Cell>>(sql: string, params?: readonly Param[]): Promise<T[]>;
  /** Throws when there is no row. */
  one<T = Record<string, Cell>>(sql: string, params?: readonly Param[]): Promise<T>;
  /** Chunks of the result as they come, in a connection of their own; other statements may run meanwhile. */
  stream(sql: string, params?: readonly Param[]): AsyncGenerator<Chunk, void>;
  /** How far the statement is that runs now, streams apart, 0 to 1; null: none does, or nobody knows. */
  progress(): number | null;
  close(): void;
}

/**
 * DuckDB in memory, locked down: it reaches the files that are named here and the scratch folder, no network and no extension, and
 * nothing that is said to it later can change that. Its methods throw `worker_memory`, `disk_full`, or an error without values of the data.
 */
export async function openDuckDb(options: DuckDbOptions): Promise<DuckDb> {
  const { memoryMb, read, write, scratch, ordered = true } = options;
  const threads = options.threads ?? Math.min(4, availableParallelism());
  const instance = await DuckDBInstance.create(':memory:', {
    threads: String(threads),
    memory_limit: `${Math.round(memoryMb / 2)}MiB`,
    temp_directory: scratch === null ? '' : join(scratch, 'spill'),
    home_directory: '/nonexistent',
    extension_directory: '/nonexistent',
    preserve_insertion_order: String(ordered),
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    allow_community_extensions: 'false',
    allow_persistent_secrets: 'false',
  });
  const connection = await instance.connect();
  const list = (paths: readonly string[]): string => `[${paths.map(literal).join(', ')}]`;
  const settings = [
    `set allowed_paths = ${list([...read, ...write])}`,
    // A cache of what was read would take memory that nobody counts on; files are read once.
    'set enable_external_file_cache = false',
    'set parquet_metadata_cache = true',
    // What is counted for a progress bar is asked for; none is printed.
    'set enable_progress_bar = true',
    'set enable_progress_bar_print = false',
    'set enable_external_access = false',
    'set lock_configuration = true',
  ];
  await connection.run(settings.join('; '));

  let streams = 0;
  const all = async <T>(sql: string, params: readonly Param[] = []): Promise<T[]> => {
    const reader = await connection.runAndReadAll(sql, params as DuckDBValue[]).catch(rethrow);
    const names = reader.columnNames();
    const types = reader.columnTypes();
    return reader
      .getRows()
      .map((row) => Object.fromEntries(row.map((value, at) => [names[at]!, toCell(value, types[at]!)])) as T);
  };
  return {
    all,
    async run(sql, params = []) {
      await connection.run(sql, params as DuckDBValue[]).catch(rethrow);
    },
    async one<T>(sql: string, params?: readonly Param[]) {
      const [row] = await all<T>(sql, params);
      if (row === undefined) throw new Error('The query answered no row.');
      return row;
    },
    async *stream(sql, params = []) {
      const own = await instance.connect();
      try {
        yield* chunks(own, sql, params);
      } finally {
        own.closeSync();
        if (++streams % STREAMS === 0) collect();
      }
    },
    progress() {
      const { percentage } = connection.progress;
      return percentage < 0 ? null : Math.min(1, percentage / 100);
    },
    close() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

/** What a finished query held is freed with its object, which is too small to make the collector hurry: after so many it is asked to. */
const STREAMS = 8;
let collector: (() => void) | undefined;

function collect(): void {
  if (collector === undefined) {
    setFlagsFromString('--expose-gc');
    collector = runInNewContext('gc') as () => void;
  }
  collector();
}

async function* chunks(connection: DuckDBConnection, sql: string, params: readonly Param[]): AsyncGenerator<Chunk> {
  const result = await connection.stream(sql, params as DuckDBValue[]).catch(rethrow);
  const names = result.columnNames();
  const types = result.columnTypes();
  for (;;) {
    const chunk = await result.fetchChunk().catch(rethrow);
    if (chunk === null || chunk.rowCount === 0) return;
    try {
      yield openChunk(chunk, names, types);
    } finally {
      // It would be freed with its object, whose small size gives the collector no reason to hurry: a gigabyte might wait.
      bindings.data_chunk_reset(chunk.chunk);
    }
  }
}

function rethrow(error: unknown): never {
  const message = error instanceof Error ? error.message : String(error);
  if (/no space left|max_temp_directory_size/i.test(message)) throw failure('disk_full');
  if (/^out of memory/i.test(message)) throw failure('worker_memory');
  throw new Error(withoutValues(message));
}

/** DuckDB quotes what it could not read, and errors are logged: what is quoted goes, and so do all lines but the first. */
export function withoutValues(message: string): string {
  const [first = ''] = message.split('\n');
  return first.replaceAll(/"(?:[^"]|"")*"|'(?:[^']|'')*'/g, '…').slice(0, 300);
}
