import { createDatasetRows } from './datasets.ts';
import { createFileRows } from './files.ts';
import { createFindingStore } from './findings.ts';
import { createJobStore } from './jobs.ts';
import { createReviewRows } from './reviews.ts';
import { createRuleStore } from './rules.ts';
import { createStandings } from './standing.ts';
import type { Connection } from './tables.ts';
import { createValidationStore } from './validations.ts';

export { abandonedAfter, type FileKey, type NewFile } from './files.ts';
export type { PageOfRows } from './datasets.ts';
export type { Held, JudgedFinding } from './findings.ts';
export type { Standing } from './standing.ts';
export type {
  Connection,
  DatasetRow,
  FileRow,
  FindingRow,
  JobRow,
  NewDataset,
  PiiRuleRow,
  Report,
  ReviewRow,
  ValidationRow,
} from './tables.ts';

export type DatasetStore = ReturnType<typeof createDatasetStore>;

/** The only SQL of datasets. */
export function createDatasetStore(kysely: Connection) {
  return {
    ...createDatasetRows(kysely),
    ...createFileRows(kysely),
    ...createReviewRows(kysely),
    ...createStandings(kysely),
    validations: createValidationStore(kysely),
    findings: createFindingStore(kysely),
    jobs: createJobStore(kysely),
    rules: createRuleStore(kysely),
  };
}
