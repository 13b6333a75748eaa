import type { Dataset, DatasetComparison, datasetRoutes, QueryOf } from '@llm-ops/contracts';
import type { Access } from '#platform/access';
import { failure } from '#platform/errors';
import { decodeCursor, type Context, type Paged, type Trx } from '#platform/http';
import { askEngine, workersFor } from './ask.ts';
import type { Comparisons } from './comparisons.ts';
import type { DatasetsDeps } from './deps.ts';
import type { CompareOutput, RowsFile } from './engine/tasks.ts';
import type { NewRecord, Records } from './records.ts';
import type { DatasetRow, DatasetStore } from './store/index.ts';
import { isSeen, resourceOf, scopeOf, type Guard } from './view.ts';
import type { Workspace } from './workspace.ts';
import { datasetFieldWords, refusalWords } from './refusals.ts';

type Routes = typeof datasetRoutes;
export type Versions = ReturnType<typeof createVersions>;

/** characters of a cell */
const cellLimit = 2_000;
/** of an answer; of more rows fewer columns are told */
const cells = 50_000;
/** of a comparison, with the time until a process is free for it */
const timeoutMs = 5 * 60_000;

/** The versions of a dataset beside each other. */
export function createVersions(
  deps: DatasetsDeps & {
    store: DatasetStore;
    guard: Guard;
    records: Records;
    workspace: Workspace;
    comparisons: Comparisons;
  },
) {
  const { store, guard, records, workspace, comparisons, workers } = deps;

  /** Another version of a dataset. Throws `dataset_version_not_found`. */
  async function sibling(access: Access, of: DatasetRow, version: string, trx?: Trx): Promise<DatasetRow> {
    const row = await store.sibling(of, version, trx);
    if (row === null || !isSeen(access, row)) {
      throw failure('dataset_version_not_found', refusalWords.tell('no_version', { name: of.name, version }));
    }
    access.require('dataset:read', resourceOf(row));
    return row;
  }

  return {
    sibling,

    async list(access: Access, id: string, query: QueryOf<Routes['listDatasetVersions']>): Promise<Paged<Dataset[]>> {
      const row = await guard.read(access, id);
      const page = { limit: query.limit, cursor: decodeCursor(query.cursor) };
      return records.pageOf(await store.versions(row, scopeOf(access), page), query.limit);
    },

    /** A draft with the card of another version, which it follows. */
    async create(c: Context<Routes['createDatasetVersion']>): Promise<Dataset> {
      const { access, trx, body } = c;
      const from = await guard.read(access, c.params.id, trx);
      const asked: NewRecord = {
        ...cardOf(from),
        version: body.version,
        change_log: body.change_log ?? null,
        ...(body.metadata === undefined ? {} : { metadata: body.metadata }),
      };
      const row = await records.add(c, asked, { kind: 'version', sourceId: from.id, parentId: from.id });
      return records.view(row, trx);
    },

    async compare(c: Context<Routes['compareDatasetVersions']>): Promise<DatasetComparison> {
      const { access, params, query } = c;
      const named = await guard.read(access, params.id);
      const before = await sibling(access, named, params.v1);
      const after = await sibling(access, named, params.v2);
      const files = await store.files([before.id, after.id]);
      const rowsOf = (row: DatasetRow) =>
        workspace.rowsOf(
          row,
          files.filter(({ dataset_id: id }) => id === row.id),
        );
      const held: Awaited<ReturnType<typeof rowsOf>>[] = [];
      try {
        const left = await rowsOf(before);
        held.push(left);
        const right = await rowsOf(after);
        held.push(right);
        requireColumn(query.column, [...left.files, ...right.files]);
        const bytes = files.reduce((sum, { size }) => sum + size, 0);
        const columns = {
          offset: query.columns_offset,
          limit: Math.min(query.columns_limit, Math.max(1, Math.floor(cells / query.limit))),
          name: query.column,
        };
        const what = {
          of: [before, after].map(({ id }) =>
            files.flatMap(({ dataset_id, rows_key }) => (dataset_id === id ? [rows_key] : [])),
          ),
          keyColumns: after.key_columns,
          columns,
        };
        const find = async (kept: string, known: boolean): Promise<CompareOutput> => {
          const folder = await workspace.folder();
          try {
            const input = {
              before: left.files,
              after: right.files,
              keyColumns: after.key_columns,
              limit: query.limit,
              offset: query.offset,
              change: query.change ?? null,
              columns,
              cellLimit,
              kept,
              scratch: folder.path,
            };
            const options = { timeoutMs, signal: c.signal };
            return await askEngine(known ? workers.quick : workersFor(workers, bytes), 'compare', input, options);
          } finally {
            await folder.remove();
          }
        };
        const found = await comparisons.of(what, find);
        return {
          before: { id: before.id, version: before.version },
          after: { id: after.id, version: after.version },
          keyed_by: found.keyedBy,
          summary: found.summary,
          rows: found.rows.map(({ differing, ...row }) => ({ ...row, cells_changed: differing })),
          rows_truncated: found.truncated,
          schema: found.schema,
          distributions: found.distributions,
          columns: found.columns,
        };
      } finally {
        for (const one of held) one.release();
      }
    },
  };
}

function requireColumn(name: string | undefined, files: readonly RowsFile[]): void {
  if (name === undefined || files.some(({ columns }) => columns.some((column) => column.name === name))) return;
  throw failure('validation_failed', { issues: [{ path: 'column', ...datasetFieldWords.tell('column') }] });
}

/** What a new version takes over. */
export function cardOf(row: DatasetRow): Omit<NewRecord, 'version' | 'change_log'> {
  return {
    name: row.name,
    owner_team: row.owner_team,
    type: row.type,
    project: row.project,
    visibility: row.visibility,
    metadata: row.metadata,
    key_columns: row.key_columns,
    column_rules: row.column_rules,
    task: row.task,
  };
}
