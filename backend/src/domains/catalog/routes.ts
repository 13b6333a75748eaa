import { catalogRoutes } from '@llm-ops/contracts';
import { bindRoutes, type BoundRoutes } from '#platform/http';
import type { Files } from './files.ts';
import type { Imports } from './imports.ts';
import type { Models } from './models.ts';
import type { Reviews } from './reviews.ts';
import type { createVersions } from './versions.ts';

export function createRoutes(services: {
  models: Models;
  files: Files;
  reviews: Reviews;
  versions: ReturnType<typeof createVersions>;
  imports: Imports;
}): BoundRoutes {
  const { models, files, reviews, versions, imports } = services;
  return bindRoutes(catalogRoutes, {
    listModels: (c) => models.list(c.access, c.query),
    createModel: (c) => models.create(c),
    getModel: (c) => models.get(c.access, c.params.id),
    updateModel: (c) => models.update(c),
    deleteModel: (c) => models.remove(c),
    updateModelStatus: (c) => reviews.setStatus(c),
    uploadModelFiles: (c) => files.upload(c),
    getModelFile: (c) => files.download(c),
    deleteModelFile: (c) => files.remove(c),
    listModelVersions: (c) => versions.list(c.access, c.params.id, c.query),
    createModelVersion: (c) => versions.create(c),
    compareModelVersions: (c) => versions.compare(c),
    decideModelVersion: (c) => reviews.decide(c),
    rollbackModel: (c) => versions.rollback(c),
    listModelChanges: (c) => versions.changes(c.access, c.params.id),
    getModelLineage: (c) => versions.lineage(c.access, c.params.id),
    replaceModelKey: (c) => models.replaceKey(c),
    testModelConnection: (c) => models.testConnection(c),
    importFromHuggingFace: (c) => imports.start(c),
    listModelImports: (c) => imports.list(c.access, c.params.id),
    listApprovals: (c) => reviews.tasks(c.access, c.query),
  });
}
