import type { DataOf, DatasetPreview, datasetRoutes, QueryOf } from '@llm-ops/contracts';
import type { z } from 'zod';
import type { Access } from '#platform/access';
import { failure } from '#platform/errors';
import type { Context } from '#platform/http';
import { askEngine } from './ask.ts';
import type { DatasetsDeps } from './deps.ts';
import { filtersOf, sortOf } from './filters.ts';
import { columnsOfFiles, digestOfFiles, formatOfFiles } from './rules.ts';
import type { DatasetStore } from './store/index.ts';
import type { Guard } from './view.ts';
import type { Workspace } from './workspace.ts';
import { refusalWords } from './refusals.ts';

type Routes = typeof datasetRoutes;

/** characters of a cell */
const cellLimit = 2_000;
/** of an answer; of more rows fewer columns are told */
const cells = 50_000;
const timeoutMs = 30_000;
/** ms */
const patience = { counting: 1_500, searching: 15_000 };

const columnsOfPage = ({ limit, columns_limit: columns }: QueryOf<Routes['previewDataset']>): number =>
  Math.min(columns, Math.max(1, Math.floor(cells / limit)));

export type Previews = ReturnType<typeof createPreviews>;

/** Rows and columns of a version for people who look at it. */
export function createPreviews(deps: DatasetsDeps & { store: DatasetStore; guard: Guard; workspace: Workspace }) {
  const { store, guard, workspace, workers } = deps;

  return {
    async preview(c: Context<Routes['previewDataset']>): Promise<z.infer<typeof DatasetPreview>> {
      const { query } = c;
      const row = await guard.read(c.access, c.params.id);
      const files = await store.files([row.id]);
      const held = await workspace.rowsOf(row, files);
      try {
        const schema = columnsOfFiles(files);
        const names = schema.map(({ name }) => name);
        const shown = schema.slice(query.columns_offset, query.columns_offset + columnsOfPage(query));
        const input = {
          files: held.files,
          limit: query.limit,
          offset: query.offset,
          search: query.search || null,
          filters: filtersOf(query.filter, names),
          sort: sortOf(query.sort, names),
          columns: shown.map(({ name }) => name),
          cellLimit,
          patience,
        };
        const found = await askEngine(workers.quick, 'preview', input, { timeoutMs, signal: c.signal });
        return {
          sample_rows: found.rows,
          positions: found.positions,
          truncated: found.truncated,
          schema: shown,
          statistics: {
            total_rows: files.reduce((sum, { facts }) => sum + (facts?.rows ?? 0), 0),
            matching_rows: found.matching,
            searched_rows: found.searched,
            column_count: schema.length,
            file_size: files.reduce((sum, { size }) => sum + size, 0),
            format: formatOfFiles(files),
          },
        };
      } finally {
        held.release();
      }
    },

    async profile(
      access: Access,
      id: string,
      query: QueryOf<Routes['getDatasetProfile']>,
    ): Promise<DataOf<Routes['getDatasetProfile']>> {
      const row = await guard.read(access, id);
      const digest = digestOfFiles(await store.files([row.id]));
      const newest = digest === null ? null : await store.validations.newest(row.id, { succeeded: true, digest });
      if (!newest?.report) {
        throw failure('dataset_not_ready', refusalWords.tell('not_validated'));
      }
      const { rows, duplicate_rows } = newest.report.profile;
      const { columns, total } = await store.validations.columnsOf(newest.id, query);
      return { rows, duplicate_rows, columns, column_count: total };
    },
  };
}
