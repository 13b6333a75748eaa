import { fileURLToPath } from 'node:url';
import type { BoundRoutes, Trx } from '#platform/http';
import { createBenchmarks } from './benchmarks.ts';
import type { DatasetReference, DatasetsDeps, FindDatasetReferences } from './deps.ts';
import { createExports } from './exports.ts';
import { createFiles, type Files } from './files.ts';
import { createFindings } from './findings.ts';
import { createImports } from './imports.ts';
import { createIngest } from './ingest.ts';
import { createLineage, type Lineage } from './lineage.ts';
import { createPiiRules } from './pii-rules.ts';
import { createPreviews } from './preview.ts';
import { createRecords } from './records.ts';
import { createRedactions } from './redactions.ts';
import { createRestores } from './restores.ts';
import { createReviews, type Reviews } from './reviews.ts';
import { createRoutes } from './routes.ts';
import { createDatasetStore } from './store/index.ts';
import { createUpkeep, type Upkeep } from './upkeep.ts';
import { createValidations } from './validations.ts';
import { createComparisons } from './comparisons.ts';
import { createVersions } from './versions.ts';
import { createGuard } from './view.ts';
import { createWork } from './work.ts';
import { createWorkspace } from './workspace.ts';

export type { DatasetReference, DatasetsDeps, FindDatasetReferences } from './deps.ts';

/** What the processes of `#platform/workers` run for datasets. */
export const engineProgram = fileURLToPath(new URL('./engine/main.ts', import.meta.url));

/** Datasets as the rest of the platform sees them. */
export interface Datasets extends Pick<Lineage, 'describe' | 'requireApproved'> {
  routes: BoundRoutes;
  /** Who may refer to a dataset, one a kind: asked before one is deleted and for its lineage. */
  registerReferences(kind: DatasetReference['kind'], find: FindDatasetReferences): void;
  /**
   * For resumable uploads of kind `dataset`: may this identity add such a file? Throws `dataset_not_found`, `permission_denied`, `dataset_frozen`,
   * `dataset_file_exists`, `file_type_refused`.
   */
  authorizeUpload: Files['authorizeUpload'];
  /** For `onComplete` of resumable uploads of kind `dataset`. */
  uploadComplete: Upkeep['uploadComplete'];
  /** Removes objects that belong to no dataset; runs by itself every half an hour. Answers how many. */
  collectOrphans(): Promise<number>;
  /** A reviewer's tasks about datasets, newest first; one more than `page.limit`. */
  approvals: Reviews['tasks'];
  /** Removes copies and work under way from the disk; for the end of the process, after its processes for tasks have ended. */
  close(): Promise<void>;
}

export function createDatasets(given: DatasetsDeps): Datasets {
  const store = createDatasetStore(given.db.kysely);
  const guard = createGuard(store);
  const workspace = createWorkspace({ objects: given.objects, workDir: given.config.workDir, log: given.log });
  const finders = new Map<DatasetReference['kind'], FindDatasetReferences>();
  const references = async (trx: Trx, id: string) => {
    const found: DatasetReference[] = [];
    for (const find of finders.values()) found.push(...(await find(trx, id)));
    return found;
  };
  const base = { ...given, store, guard, workspace, references };
  const validations = createValidations(base);
  const ingest = createIngest({ ...base, validations });
  const records = createRecords({ ...base, revalidate: (trx, row, by) => ingest.settle(trx, row, by, { anew: true }) });
  const upkeep = createUpkeep({ ...base, ingest });
  const files = createFiles({ ...base, records, ingest });
  const reviews = createReviews({ ...base, records });
  const lineage = createLineage(base);
  const work = createWork({ ...base, ingest });
  const comparisons = createComparisons({ workspace, now: given.now });
  const versions = createVersions({ ...base, records, comparisons });
  return {
    routes: createRoutes({
      records,
      files,
      reviews,
      lineage,
      validations,
      findings: createFindings(base),
      previews: createPreviews(base),
      exports: createExports({ ...base, records, validations }),
      benchmarks: createBenchmarks({ ...base, records }),
      versions,
      redactions: createRedactions({ ...base, records, ingest, work }),
      restores: createRestores({ ...base, records, versions, ingest, work }),
      imports: createImports({ ...base, records, ingest, work }),
      work,
      rules: createPiiRules(base),
    }),
    registerReferences: (kind, find) => void finders.set(kind, find),
    authorizeUpload: files.authorizeUpload,
    uploadComplete: upkeep.uploadComplete,
    collectOrphans: upkeep.collectOrphans,
    approvals: reviews.tasks,
    describe: lineage.describe,
    requireApproved: lineage.requireApproved,
    async close() {
      comparisons.close();
      await workspace.close();
    },
  };
}
