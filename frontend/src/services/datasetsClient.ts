import type { ArgumentsOf, Tables } from '@llm-ops/sdk';
import { api } from './api.ts';

type Body<K extends keyof Tables> = ArgumentsOf<Tables[K]>['body'];
type Query<K extends keyof Tables> = ArgumentsOf<Tables[K]>['query'];

/** What can be done with a dataset beyond the calls that the documents name, which are in `catalogClient`. */
export const datasetsClient = {
  update: (id: string, payload: Body<'updateDataset'>) => api.call('updateDataset', { params: { id }, body: payload }),
  remove: (id: string) => api.call('deleteDataset', { params: { id } }),
  removeFile: (id: string, path: string) => api.call('deleteDatasetFile', { params: { id, path } }),
  profile: (id: string, query?: Query<'getDatasetProfile'>) => api.call('getDatasetProfile', { params: { id }, query }),
  validate: (id: string, options: Body<'startDatasetValidation'> = {}) =>
    api.call('startDatasetValidation', { params: { id }, body: options }),
  findings: (id: string, query?: Query<'listDatasetFindings'>, signal?: AbortSignal) =>
    api.call('listDatasetFindings', { params: { id }, query, signal }),
  triage: (id: string, payload: Body<'triageDatasetFindings'>) =>
    api.call('triageDatasetFindings', { params: { id }, body: payload }),
  redact: (id: string, payload: Body<'redactDataset'>) => api.call('redactDataset', { params: { id }, body: payload }),
  jobs: (id: string) => api.call('listDatasetJobs', { params: { id } }),
  retryJob: (id: string, job: string) => api.call('retryDatasetJob', { params: { id, job } }),
  versions: (id: string) => api.call('listDatasetVersions', { params: { id }, query: { limit: 200 } }),
  createVersion: (id: string, payload: Body<'createDatasetVersion'>) =>
    api.call('createDatasetVersion', { params: { id }, body: payload }),
  compare: (id: string, v1: string, v2: string, query?: Query<'compareDatasetVersions'>, signal?: AbortSignal) =>
    api.call('compareDatasetVersions', { params: { id, v1, v2 }, query, signal }),
  restore: (id: string, version: string, payload: Body<'restoreDatasetVersion'> = {}) =>
    api.call('restoreDatasetVersion', { params: { id, version }, body: payload }),
  decide: (id: string, version: string, payload: Body<'decideDatasetVersion'>) =>
    api.call('decideDatasetVersion', { params: { id, version }, body: payload }),
  lineage: (id: string) => api.call('getDatasetLineage', { params: { id } }),
  import: (payload: Body<'importDataset'>) => api.call('importDataset', { body: payload }),
  benchmarks: (query?: Query<'listBenchmarks'>) => api.call('listBenchmarks', { query }),
  piiRules: () => api.call('listPiiRules'),
  createPiiRule: (payload: Body<'createPiiRule'>) => api.call('createPiiRule', { body: payload }),
  removePiiRule: (id: string) => api.call('deletePiiRule', { params: { id } }),
  testPii: (payload: Body<'testPii'>, signal?: AbortSignal) => api.call('testPii', { body: payload, signal }),
};
