import type { Benchmark, BodyOf, Dataset, DatasetColumn, datasetRoutes, QueryOf } from '@llm-ops/contracts';
import type { z } from 'zod';
import type { Access } from '#platform/access';
import { decodeCursor, pageOf, type Context, type Paged } from '#platform/http';
import type { DatasetsDeps } from './deps.ts';
import type { Records } from './records.ts';
import { columnsOfFiles, digestOfFiles } from './rules.ts';
import type { DatasetRow, DatasetStore, FileRow } from './store/index.ts';
import { scopeOf } from './view.ts';

type Routes = typeof datasetRoutes;

/** what such columns are called, the most certain first */
const inputs = ['input', 'question', 'prompt', 'instruction', 'query'];
const references = ['reference', 'answer', 'label', 'output', 'response', 'target', 'expected'];

export type Benchmarks = ReturnType<typeof createBenchmarks>;

/** Datasets that say how good a model is: of type `benchmark`, with a task. */
export function createBenchmarks(deps: DatasetsDeps & { store: DatasetStore; records: Records }) {
  const { store, records } = deps;

  return {
    async list(access: Access, query: QueryOf<Routes['listBenchmarks']>): Promise<Paged<z.infer<typeof Benchmark>[]>> {
      const { limit, cursor, task, status } = query;
      const filters = { type: 'benchmark' as const, task, status };
      const rows = await store.list(scopeOf(access), filters, { limit, cursor: decodeCursor(cursor) });
      const page = pageOf(rows, limit, (row) => ({ at: row.created_at, id: row.id }));
      const files = await store.files(page.rows.map(({ id }) => id));
      const shown = page.rows.map((row) =>
        toBenchmark(
          row,
          files.filter(({ dataset_id: id }) => id === row.id),
        ),
      );
      return { rows: shown, next: page.next };
    },

    async create(c: Context<Routes['createBenchmark']>): Promise<Dataset> {
      const body: BodyOf<Routes['createBenchmark']> = c.body;
      return records.view(await records.add(c, { ...body, type: 'benchmark' }, { kind: 'upload' }), c.trx);
    },
  };
}

/** The columns with what is asked of a model and what it should say; null where no name tells. */
export function benchmarkColumns(columns: readonly DatasetColumn[]): {
  input: string | null;
  reference: string | null;
} {
  const find = (names: readonly string[]) => {
    for (const wanted of names) {
      const found = columns.find(({ name }) => name.trim().toLowerCase() === wanted);
      if (found) return found.name;
    }
    return null;
  };
  return { input: find(inputs), reference: find(references) };
}

function toBenchmark(row: DatasetRow, files: readonly FileRow[]): z.infer<typeof Benchmark> {
  const { input, reference } = benchmarkColumns(columnsOfFiles(files));
  return {
    id: row.id,
    name: row.name,
    version: row.version,
    task: row.task,
    status: row.status,
    owner_team: row.owner_team,
    input_column: input,
    reference_column: reference,
    rows: digestOfFiles(files) === null ? null : files.reduce((sum, { facts }) => sum + (facts?.rows ?? 0), 0),
    created_at: row.created_at.toISOString(),
  };
}
