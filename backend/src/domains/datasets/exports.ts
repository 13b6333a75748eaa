import { createReadStream } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DatasetFormat, datasetRoutes } from '@llm-ops/contracts';
import type { Context, FileAnswer } from '#platform/http';
import { askEngine, workersFor } from './ask.ts';
import { croissantPieces } from './croissant.ts';
import type { DatasetsDeps } from './deps.ts';
import type { Records } from './records.ts';
import type { DatasetStore } from './store/index.ts';
import type { Validations } from './validations.ts';
import type { Guard } from './view.ts';
import type { Workspace } from './workspace.ts';

type Routes = typeof datasetRoutes;

const contentTypes: Record<DatasetFormat, string> = {
  csv: 'text/csv; charset=utf-8',
  jsonl: 'application/x-ndjson',
  parquet: 'application/vnd.apache.parquet',
};
/** of an export that somebody waits for */
const timeoutMs = 15 * 60_000;

export type Exports = ReturnType<typeof createExports>;

/** A version as one file to take away, and what it is in the words that dataset tools share. */
export function createExports(
  deps: DatasetsDeps & {
    store: DatasetStore;
    guard: Guard;
    records: Records;
    workspace: Workspace;
    validations: Validations;
  },
) {
  const { store, guard, records, workspace, workers, validations } = deps;

  return {
    /** All rows in one file, made now and removed when it was sent. */
    async download(c: Context<Routes['downloadDataset']>): Promise<FileAnswer> {
      const { format, raw_formulas: raw } = c.query;
      const row = await guard.read(c.access, c.params.id);
      const files = await store.files([row.id]);
      const held = await workspace.rowsOf(row, files);
      try {
        const folder = await workspace.folder();
        try {
          const target = path.join(folder.path, `rows.${format}`);
          const size = files.reduce((sum, file) => sum + file.size, 0);
          const scratch = folder.path;
          const input = { files: held.files, format, target, neutralise: format === 'csv' && !raw, scratch };
          const made = await askEngine(workersFor(workers, size), 'export', input, { timeoutMs, signal: c.signal });
          const body = createReadStream(target);
          body.once('close', () => void folder.remove());
          return {
            body,
            contentType: contentTypes[format],
            size: made.size,
            fileName: `${plain(row.name)}-${plain(row.version)}.${format}`,
          };
        } catch (error) {
          await folder.remove();
          throw error;
        }
      } finally {
        held.release();
      }
    },

    async croissant(c: Context<Routes['getDatasetCroissant']>): Promise<FileAnswer> {
      const row = await guard.read(c.access, c.params.id);
      const dataset = await records.view(row);
      const api = deps.config.publicUrl ?? `http://${c.raw.request.headers.host ?? 'localhost'}`;
      const pieces = croissantPieces({
        dataset,
        api: `${api.replace(/\/+$/, '')}/llm-ops/v1`,
        personal: await validations.personal(row, dataset.files_digest),
      });
      return {
        body: Readable.from(inTurns(pieces)),
        contentType: 'application/ld+json; profile="http://mlcommons.org/croissant/1.1"',
        fileName: `${plain(row.name)}-${plain(row.version)}.croissant.json`,
      };
    },
  };
}

/** A turn of the event loop for each piece, so that others are served between them. */
async function* inTurns(pieces: Iterable<string>): AsyncGenerator<string> {
  for (const piece of pieces) {
    yield piece;
    await nextTurn();
  }
}

/** A part of a file name that every system takes. */
function plain(text: string): string {
  return text.replace(/[^\p{L}\p{N}._-]+/gu, '_').slice(0, 100);
}
