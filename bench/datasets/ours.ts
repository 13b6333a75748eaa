/**
 * One task of the engine in a process of its own: `node ours.ts TASK FILE ROWS`, of which ROWS is the file of rows (it is written by `convert`
 * and `both`), or `node ours.ts compare ROWS ROWS [KEY]`. Prints one line of JSON: `OursAnswer`, or the counts of a comparison.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { DatasetProfile } from '@llm-ops/contracts';
import { columnType } from '../../backend/src/domains/datasets/engine/columns.ts';
import {
  ident,
  literal,
  openDuckDb,
  rowColumn,
  threadsBeside,
} from '../../backend/src/domains/datasets/engine/duckdb.ts';
import { profile, profileRelation } from '../../backend/src/domains/datasets/engine/profile.ts';
import { fileColumn, type Relation } from '../../backend/src/domains/datasets/engine/relation.ts';
import type { RowsFile } from '../../backend/src/domains/datasets/engine/tasks.ts';

export type Task = 'convert' | 'profile' | 'both' | 'direct' | 'compare';
export interface OursAnswer {
  /** CPU of the task alone, without the start of the process, in seconds */
  task: number;
  profile: DatasetProfile | null;
}

const memoryMb = 1024;
const [task, file, kept, key] = process.argv.slice(2) as [Task, string, string, string | undefined];
const description = `${kept}.json`;
const mask = (value: string): string => value;
const scratch = await mkdtemp(path.join(tmpdir(), 'llm-ops-bench-'));
const started = process.cpuUsage();
try {
  if (task === 'compare') console.log(JSON.stringify(await compareRows()));
  else await look();
} finally {
  await rm(scratch, { recursive: true, force: true });
}

async function look(): Promise<void> {
  if (task === 'convert' || task === 'both') await convert();
  const found = task === 'convert' ? null : task === 'direct' ? await profileDirectly() : await profileRows();
  const { user, system } = process.cpuUsage(started);
  console.log(JSON.stringify({ task: (user + system) / 1e6, profile: found } satisfies OursAnswer));
}

/** Counts, the first page of differences, and how distributions changed: what the platform answers. */
async function compareRows(): Promise<Record<string, number>> {
  const { compare } = await import('../../backend/src/domains/datasets/engine/compare.ts');
  const [before, after] = await Promise.all(
    [file, kept].map(async (rows) => JSON.parse(await readFile(`${rows}.json`, 'utf8')) as RowsFile),
  );
  const { summary } = await compare(
    {
      before: [before!],
      after: [after!],
      keyColumns: key === undefined ? [] : [key],
      limit: 50,
      offset: 0,
      change: null,
      columns: { offset: 0, limit: 200 },
      cellLimit: 2000,
      kept: scratch,
      scratch,
    },
    { memoryMb, progress: () => {}, ask: () => Promise.reject(new Error('Nobody is asked.')) },
  );
  return { ...summary, peak: Math.round(process.resourceUsage().maxRSS / 1024) };
}

/** What an upload goes through. */
async function convert(): Promise<void> {
  // Loaded when it is needed, as the engine does.
  const { accept } = await import('../../backend/src/domains/datasets/engine/accept/index.ts');
  const name = path.basename(file);
  const { facts, issues } = await accept(
    {
      file: { path: name, local: file },
      target: kept,
      scratch,
      type: null,
      badRows: 'refuse',
      limits: { columns: 20_000, line: 2 ** 27, expanded: 2 ** 36 },
    },
    { memoryMb, progress: () => {}, ask: () => Promise.reject(new Error('Nobody is asked.')) },
  );
  if (facts === null) throw new Error(`The file was refused: ${JSON.stringify(issues)}`);
  const { rows, columns } = facts;
  await writeFile(description, JSON.stringify({ path: name, local: kept, rows, columns } satisfies RowsFile));
}

async function profileRows(): Promise<DatasetProfile> {
  const rows = JSON.parse(await readFile(description, 'utf8')) as RowsFile;
  // As a validation does.
  const db = await openDuckDb({ memoryMb, read: [kept], write: [], scratch, threads: threadsBeside() });
  try {
    return await profile(db, [rows], { mask });
  } finally {
    db.close();
  }
}

/** The same queries on the file itself, read into memory first with the types that DuckDB finds: not what the platform does, but what polars does. */
async function profileDirectly(): Promise<DatasetProfile> {
  const db = await openDuckDb({ memoryMb, read: [file], write: [], scratch, ordered: false });
  try {
    const source = file.endsWith('.jsonl')
      ? `read_json(${literal(file)}, format = 'newline_delimited')`
      : `read_csv(${literal(file)}, header = true)`;
    await db.run(`create table loaded as from ${source}`);
    const described = await db.all<{ column_name: string; column_type: string }>('describe from loaded');
    const { rows } = await db.one<{ rows: number }>('select count(*) as rows from loaded');
    const relation: Relation = {
      rows,
      columns: described.map(({ column_name, column_type }, at) => ({
        name: column_name,
        type: columnType(column_type),
        sql: `c${at}`,
        physical: column_type,
      })),
      position: `${ident(rowColumn)}::bigint`,
      from(columns) {
        const selected = columns.map(({ name, sql }) => `${ident(name)} as ${sql}`);
        const place = [`'' as ${ident(fileColumn)}`, `rowid as ${ident(rowColumn)}`];
        return `(select ${[...selected, ...place].join(', ')} from loaded)`;
      },
    };
    return await profileRelation(db, relation, { mask });
  } finally {
    db.close();
  }
}
