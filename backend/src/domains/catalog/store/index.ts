import { createFileStore } from './files.ts';
import { createModelStore } from './models.ts';
import { createReviewStore } from './reviews.ts';
import type { Connection } from './tables.ts';

export { createImportStore, type ImportRow } from './imports.ts';
export type { Card, Connection, FileRow, ModelRow, NewModel, ReviewRow } from './tables.ts';

export type CatalogStore = ReturnType<typeof createCatalogStore>;

/** The only SQL of the catalog. */
export function createCatalogStore(kysely: Connection) {
  return { ...createModelStore(kysely), ...createFileStore(kysely), ...createReviewStore(kysely) };
}
