import type { ArgumentsOf, Tables } from '@llm-ops/sdk';
import type { DatasetStatus, ModelStatus } from '@llm-ops/contracts';
import { api } from './api.ts';

type Body<K extends keyof Tables> = ArgumentsOf<Tables[K]>['body'];
type Query<K extends keyof Tables> = ArgumentsOf<Tables[K]>['query'];

/** The catalog's calls under the documents' names. Each answers the envelope; lists add `next`, the cursor of the page after. */
export const catalogClient = {
  listModels: (query?: Query<'listModels'>, signal?: AbortSignal) => api.call('listModels', { query, signal }),
  getModel: (modelId: string) => api.call('getModel', { params: { id: modelId } }),
  createModel: (payload: Body<'createModel'>) => api.call('createModel', { body: payload }),
  updateModel: (modelId: string, payload: Body<'updateModel'>) =>
    api.call('updateModel', { params: { id: modelId }, body: payload }),
  updateModelStatus: (
    modelId: string,
    status: ModelStatus,
    options: { accept_pickle?: boolean; notes?: string } = {},
  ) => api.call('updateModelStatus', { params: { id: modelId }, body: { status, ...options } }),
  deleteModel: (modelId: string) => api.call('deleteModel', { params: { id: modelId } }),
  downloadModelFile: (modelId: string, path: string) => api.call('getModelFile', { params: { id: modelId, path } }),
  deleteModelFile: (modelId: string, path: string) => api.call('deleteModelFile', { params: { id: modelId, path } }),
  listModelVersions: (modelId: string) =>
    api.call('listModelVersions', { params: { id: modelId }, query: { limit: 200 } }),
  createModelVersion: (modelId: string, payload: Body<'createModelVersion'>) =>
    api.call('createModelVersion', { params: { id: modelId }, body: payload }),
  compareModelVersions: (modelId: string, v1: string, v2: string) =>
    api.call('compareModelVersions', { params: { id: modelId, v1, v2 } }),
  decideModelVersion: (modelId: string, version: string, payload: Body<'decideModelVersion'>) =>
    api.call('decideModelVersion', { params: { id: modelId, version }, body: payload }),
  rollbackModel: (modelId: string, payload: Body<'rollbackModel'>) =>
    api.call('rollbackModel', { params: { id: modelId }, body: payload }),
  getModelLineage: (modelId: string) => api.call('getModelLineage', { params: { id: modelId } }),
  replaceModelKey: (modelId: string, apiKey: string) =>
    api.call('replaceModelKey', { params: { id: modelId }, body: { api_key: apiKey } }),
  testModelConnection: (modelId: string) => api.call('testModelConnection', { params: { id: modelId } }),
  importFromHuggingFace: (payload: Body<'importFromHuggingFace'>) =>
    api.call('importFromHuggingFace', { body: payload }),
  listModelImports: (modelId: string) => api.call('listModelImports', { params: { id: modelId } }),
  listApprovals: (query?: Query<'listApprovals'>) => api.call('listApprovals', { query }),
  listDatasets: (filters?: Query<'listDatasets'>, signal?: AbortSignal) =>
    api.call('listDatasets', { query: filters, signal }),
  getDataset: (datasetId: string) => api.call('getDataset', { params: { id: datasetId } }),
  createDataset: (payload: Body<'createDataset'>) => api.call('createDataset', { body: payload }),
  /** Small files in one request, all kept or none; `sendFile` is for one file with progress, however large. */
  uploadDatasetFiles(datasetId: string, files: readonly File[], badRows: 'refuse' | 'skip' = 'refuse') {
    const body = new FormData();
    body.append('bad_rows', badRows);
    for (const file of files) body.append('files', file, file.name);
    return api.call('uploadDatasetFiles', { params: { id: datasetId }, body });
  },
  previewDataset: (datasetId: string, limit?: number, page: Query<'previewDataset'> = {}, signal?: AbortSignal) =>
    api.call('previewDataset', { params: { id: datasetId }, query: { limit, ...page }, signal }),
  getDatasetValidation: (datasetId: string, query?: { succeeded?: boolean }) =>
    api.call('getDatasetValidation', { params: { id: datasetId }, query }),
  updateDatasetStatus: (datasetId: string, status: DatasetStatus, options: { notes?: string } = {}) =>
    api.call('updateDatasetStatus', { params: { id: datasetId }, body: { status, ...options } }),
};
