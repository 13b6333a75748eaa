import type { ArgumentsOf, Tables } from '@llm-ops/sdk';
import { api } from './api.ts';

type LogQuery = ArgumentsOf<Tables['getEndpointLogs']>['query'];
const live = { accept: 'text/event-stream' };

/** Looking at what runs, piece by piece. The `follow…` calls answer server-sent events. */
export const observationClient = {
  getCluster: () => api.call('getCluster'),
  listPods: (id: string) => api.call('listPods', { params: { id } }),
  followEvents: (id: string, signal: AbortSignal) =>
    api.send('listEndpointEvents', { params: { id }, headers: live, signal }),
  followLogs: (id: string, query: LogQuery, signal: AbortSignal) =>
    api.send('getEndpointLogs', { params: { id }, query, headers: live, signal }),
  getRevisionManifests: (id: string, revision: number) =>
    api.call('getRevisionManifests', { params: { id, revision } }),
  /** The text of the exported file. */
  async manifestsYaml(id: string, revision: number): Promise<string> {
    return (await api.send('exportRevisionManifests', { params: { id, revision } })).text();
  },
  compareManifests: (id: string, revision: number, other: number) =>
    api.call('compareRevisionManifests', { params: { id, revision, other } }),
  getLiveDrift: (id: string) => api.call('getLiveDrift', { params: { id } }),
};
