import type { DatasetPreview, datasetRoutes, DatasetProfile } from '@llm-ops/contracts';
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

type Routes = typeof datasetRoutes;

/** characters of a cell */
const cellLimit = 2_000;
const timeoutMs = 30_000;
/** ms */
const patience = { counting: 1_500, searching: 15_000 };

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
        const input = {
          files: held.files,
          limit: query.limit,
          offset: query.offset,
          search: query.search || null,
          filters: filtersOf(query.filter, names),
          sort: sortOf(query.sort, names),
          cellLimit,
          patience,
        };
        const found = await askEngine(workers.quick, 'preview', input, { timeoutMs, signal: c.signal });
        return {
          sample_rows: found.rows,
          positions: found.positions,
          truncated: found.truncated,
          schema,
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

    async profile(access: Access, id: string): Promise<DatasetProfile> {
      const row = await guard.read(access, id);
      const digest = digestOfFiles(await store.files([row.id]));
      const newest = digest === null ? null : await store.validations.newest(row.id, { succeeded: true, digest });
      const profile = newest && (await store.validations.profileOf(newest.id));
      if (profile === null) {
        throw failure('dataset_not_ready', {
          message: 'These files have not been validated, so their columns are not known yet.',
          remedy: 'Wait for the validation, or start one.',
        });
      }
      return profile;
    },
  };
}
