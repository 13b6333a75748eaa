import { createReadStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { DatasetIssue } from '@llm-ops/contracts';
import { uuidv7 } from '#platform/ids';
import { workersFor } from './ask.ts';
import type { Claims } from './claims.ts';
import type { DatasetsDeps } from './deps.ts';
import type { AcceptInput, AcceptOutput } from './engine/tasks.ts';
import { prefixOf, rowsPrefixOf } from './paths.ts';
import type { DatasetRow, FileRow } from './store/index.ts';
import type { Workspace } from './workspace.ts';

/** What the engine said of a file. */
export type Read =
  | { accepted: true; facts: NonNullable<AcceptOutput['facts']>; rowsKey: string }
  | { accepted: false; issues: DatasetIssue[]; count: number };

const maxColumns = 20_000;
const maxLineBytes = 64 * 1024 * 1024;
const gib = 1024 ** 3;
/** how many times as large a compressed file becomes, about */
const gzipRatio = 8;

export function createReading(deps: DatasetsDeps & { workspace: Workspace; claims: Claims }) {
  const { workspace, claims, objects, workers, config } = deps;

  /** Lets the engine read a file that lies in the store; its rows lie there afterwards, under the file's `rows_key`. */
  return async function read(row: DatasetRow, file: FileRow, signal: AbortSignal): Promise<Read> {
    const folder = await workspace.folder();
    try {
      const scratch = path.join(folder.path, 'scratch');
      await mkdir(scratch);
      const target = path.join(folder.path, 'rows.parquet');
      const input: AcceptInput = {
        file: {
          path: file.path,
          local: await workspace.fetch(prefixOf(row) + file.path, path.join(folder.path, 'source')),
        },
        target,
        scratch,
        type: row.type,
        badRows: file.bad_rows,
        limits: { columns: maxColumns, line: maxLineBytes, expanded: expandedLimit(file.size, config.maxFileBytes) },
      };
      const engine = workersFor(workers, file.path.endsWith('.gz') ? gzipRatio * file.size : file.size);
      const options = { timeoutMs: config.timeoutMs, signal };
      const { facts, issues, issueCount } = await engine.run<AcceptOutput>('accept', input, options);
      if (facts === null) return { accepted: false, issues, count: issueCount };
      const key = `${rowsPrefixOf(row)}${uuidv7()}.parquet`;
      // known before it is there: what lies in the store belongs to a row at any moment
      await claims.advance(file, { rows_key: key });
      // of a try that failed
      if (file.rows_key !== null) await objects.delete(file.rows_key);
      await objects.put(key, createReadStream(target), { signal });
      return { accepted: true, facts, rowsKey: key };
    } finally {
      await folder.remove();
    }
  };
}

/** A small file that grows beyond all measure is a bomb; a large one may become a few times as large. */
function expandedLimit(size: number, maxFileBytes: number): number {
  return Math.min(4 * Math.max(maxFileBytes, gib), Math.max(gib, 200 * size));
}
