import type { BoundRoutes, Trx } from '#platform/http';
import { createHubEntries, type HubEntries } from './hub-entries.ts';
import { createImports } from './imports.ts';
import type { CatalogDeps, DatasetsOfCatalog, FindReferences, KeyReplaced, Reference } from './deps.ts';
import { createFiles } from './files.ts';
import { createModels } from './models.ts';
import { createReviews } from './reviews.ts';
import { createRoutes } from './routes.ts';
import { createServing } from './serving.ts';
import { createCatalogStore } from './store/index.ts';
import { createUpkeep, type Upkeep } from './upkeep.ts';
import { createVersions } from './versions.ts';
import { createGuard, requireTeam, resourceOf } from './view.ts';
import type { Access } from '#platform/access';

export type { CatalogDeps } from './deps.ts';
export type { ServableModel } from './serving.ts';

type Serving = ReturnType<typeof createServing>;

/** The catalog of models as the rest of the platform sees it. */
export interface Catalog extends Serving {
  routes: BoundRoutes;
  /** Who may refer to a model, one a kind: asked before one is deleted and for its lineage. */
  registerReferences(kind: Reference['kind'], find: FindReferences): void;
  /** Is told, in the transaction, of an external model that has got another key. */
  onKeyReplaced(listener: KeyReplaced): void;
  /** Datasets, which models name in their lineage and whose approvals stand beside those of models. */
  registerDatasets(datasets: DatasetsOfCatalog): void;
  /** For resumable uploads of kind `model`: may this identity add files to it? Throws `model_not_found`, `permission_denied`, `model_frozen`, `model_external`. */
  authorizeUpload(access: Access, modelId: string): Promise<void>;
  /** For `onComplete` of resumable uploads of kind `model`. */
  uploadComplete: Upkeep['uploadComplete'];
  entryOf: HubEntries['entryOf'];
  /** Removes objects that belong to no model; runs by itself every half an hour. Answers how many. */
  collectOrphans(): Promise<number>;
}

export function createCatalog(given: CatalogDeps): Catalog {
  const store = createCatalogStore(given.db.kysely);
  const guard = createGuard(store);
  const finders = new Map<Reference['kind'], FindReferences>();
  const references = async (trx: Trx, id: string) => {
    const found: Reference[] = [];
    for (const find of finders.values()) found.push(...(await find(trx, id)));
    return found;
  };
  let datasets: DatasetsOfCatalog | null = null;
  const listeners: KeyReplaced[] = [];
  const keyReplaced: KeyReplaced = async (trx, id) => {
    for (const listener of listeners) await listener(trx, id);
  };
  const base = { ...given, store, guard, references, keyReplaced, datasets: () => datasets };
  const models = createModels(base);
  const reviews = createReviews({ ...base, models });
  const files = createFiles({ ...base, models, reviews });
  const versions = createVersions({ ...base, models });
  const imports = createImports({ ...base, models, files });
  const upkeep = createUpkeep({ ...base, files });
  return {
    routes: createRoutes({ models, files, reviews, versions, imports }),
    ...createServing(base),
    registerReferences: (kind, find) => void finders.set(kind, find),
    onKeyReplaced: (listener) => void listeners.push(listener),
    registerDatasets: (registered) => void (datasets = registered),
    async authorizeUpload(access, modelId) {
      const row = await guard.read(access, modelId);
      requireTeam(access, row.owner_team);
      access.require('model:write', resourceOf(row));
      files.requireOpen(row);
    },
    uploadComplete: upkeep.uploadComplete,
    entryOf: createHubEntries({ store, models, reviews }).entryOf,
    collectOrphans: upkeep.collectOrphans,
  };
}
