import { datasetRoutes } from '@llm-ops/contracts';
import { bindRoutes, type BoundRoutes } from '#platform/http';
import type { Benchmarks } from './benchmarks.ts';
import type { Exports } from './exports.ts';
import type { Files } from './files.ts';
import type { Findings } from './findings.ts';
import type { Imports } from './imports.ts';
import type { Lineage } from './lineage.ts';
import type { PiiRules } from './pii-rules.ts';
import type { Previews } from './preview.ts';
import type { Records } from './records.ts';
import type { Redactions } from './redactions.ts';
import type { Restores } from './restores.ts';
import type { Reviews } from './reviews.ts';
import type { Validations } from './validations.ts';
import type { Versions } from './versions.ts';
import type { Work } from './work.ts';

export function createRoutes(services: {
  records: Records;
  files: Files;
  reviews: Reviews;
  lineage: Lineage;
  previews: Previews;
  validations: Validations;
  findings: Findings;
  versions: Versions;
  redactions: Redactions;
  restores: Restores;
  imports: Imports;
  work: Work;
  exports: Exports;
  benchmarks: Benchmarks;
  rules: PiiRules;
}): BoundRoutes {
  const { records, files, reviews, lineage, previews, validations, findings, versions } = services;
  const { redactions, restores, imports, work, exports, benchmarks, rules } = services;
  return bindRoutes(datasetRoutes, {
    listDatasets: (c) => records.list(c.access, c.query),
    createDataset: (c) => records.create(c),
    getDataset: (c) => records.get(c.access, c.params.id),
    updateDataset: (c) => records.update(c),
    deleteDataset: (c) => records.remove(c),
    uploadDatasetFiles: (c) => files.upload(c),
    getDatasetFile: (c) => files.download(c),
    deleteDatasetFile: (c) => files.remove(c),
    previewDataset: (c) => previews.preview(c),
    getDatasetProfile: (c) => previews.profile(c.access, c.params.id, c.query),
    getDatasetValidation: (c) => validations.get(c.access, c.params.id, c.query),
    startDatasetValidation: (c) => validations.start(c),
    listDatasetFindings: (c) => findings.list(c.access, c.params.id, c.query),
    triageDatasetFindings: (c) => findings.triage(c),
    redactDataset: (c) => redactions.redact(c),
    listDatasetJobs: (c) => work.list(c.access, c.params.id),
    retryDatasetJob: (c) => work.retry(c),
    updateDatasetStatus: (c) => reviews.setStatus(c),
    listDatasetVersions: (c) => versions.list(c.access, c.params.id, c.query),
    createDatasetVersion: (c) => versions.create(c),
    compareDatasetVersions: (c) => versions.compare(c),
    restoreDatasetVersion: (c) => restores.restore(c),
    decideDatasetVersion: (c) => reviews.decide(c),
    getDatasetLineage: (c) => lineage.lineage(c.access, c.params.id),
    downloadDataset: (c) => exports.download(c),
    getDatasetCroissant: (c) => exports.croissant(c),
    importDataset: (c) => imports.start(c),
    listBenchmarks: (c) => benchmarks.list(c.access, c.query),
    createBenchmark: (c) => benchmarks.create(c),
    listPiiRules: (c) => rules.list(c.access),
    createPiiRule: (c) => rules.create(c),
    deletePiiRule: (c) => rules.remove(c),
    testPii: (c) => rules.test(c),
  });
}
