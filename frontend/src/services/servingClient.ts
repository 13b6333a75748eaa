import type { ArgumentsOf, Tables } from '@llm-ops/sdk';
import { api } from './api.ts';

type Body<K extends keyof Tables> = ArgumentsOf<Tables[K]>['body'];
type Query<K extends keyof Tables> = ArgumentsOf<Tables[K]>['query'];

/** The serving calls under the documents' names. Each answers the envelope; lists add `next`, the cursor of the page after. */
export const servingClient = {
  listEndpoints: (query?: Query<'listEndpoints'>, signal?: AbortSignal) => api.call('listEndpoints', { query, signal }),
  getEndpoint: (id: string) => api.call('getEndpoint', { params: { id } }),
  deployEndpoint: (payload: Body<'deployEndpoint'>) => api.call('deployEndpoint', { body: payload }),
  updateEndpoint: (id: string, payload: Body<'updateEndpoint'>) =>
    api.call('updateEndpoint', { params: { id }, body: payload }),
  deleteEndpoint: (id: string) => api.call('deleteEndpoint', { params: { id } }),
  rollbackEndpoint: (id: string, payload: Body<'rollbackEndpoint'> = {}) =>
    api.call('rollbackEndpoint', { params: { id }, body: payload }),
  redeployEndpoint: (id: string, payload: Body<'redeployEndpoint'> = {}) =>
    api.call('redeployEndpoint', { params: { id }, body: payload }),
  getCanary: (id: string) => api.call('getCanary', { params: { id } }),
  updateCanary: (id: string, payload: Body<'updateCanary'>) =>
    api.call('updateCanary', { params: { id }, body: payload }),
  abortCanary: (id: string) => api.call('abortCanary', { params: { id } }),
  promoteEndpoint: (id: string, payload: Body<'promoteEndpoint'>) =>
    api.call('promoteEndpoint', { params: { id }, body: payload }),
  verifyEndpoint: (id: string, payload: Body<'verifyEndpoint'> = {}) =>
    api.call('verifyEndpoint', { params: { id }, body: payload }),
  listRevisions: (id: string, query?: Query<'listRevisions'>) => api.call('listRevisions', { params: { id }, query }),
  getManifests: (id: string) => api.call('getManifests', { params: { id } }),
  getEndpointLogs: (id: string, query?: Query<'getEndpointLogs'>) =>
    api.call('getEndpointLogs', { params: { id }, query }),
  preflight: (payload: Body<'preflight'>, signal?: AbortSignal) => api.call('preflight', { body: payload, signal }),
  listRuntimes: () => api.call('listRuntimes'),
  previewChange: (payload: Body<'previewChange'>, signal?: AbortSignal) =>
    api.call('previewChange', { body: payload, signal }),
  submitChange: (payload: Body<'submitChange'>) => api.call('submitChange', { body: payload }),
  listChanges: (query?: Query<'listChanges'>) => api.call('listChanges', { query }),
  getChange: (id: string) => api.call('getChange', { params: { id } }),
  amendChange: (id: string, payload: Body<'amendChange'>) => api.call('amendChange', { params: { id }, body: payload }),
  decideChange: (id: string, payload: Body<'decideChange'>) =>
    api.call('decideChange', { params: { id }, body: payload }),
  applyChange: (id: string) => api.call('applyChange', { params: { id } }),
  withdrawChange: (id: string) => api.call('withdrawChange', { params: { id } }),
  listDrift: (query?: Query<'listDrift'>) => api.call('listDrift', { query }),
  listRoutes: (query?: Query<'listRoutes'>) => api.call('listRoutes', { query }),
  getRoute: (id: string) => api.call('getRoute', { params: { id } }),
  createRoute: (payload: Body<'createRoute'>) => api.call('createRoute', { body: payload }),
  updateRoute: (id: string, payload: Body<'updateRoute'>) => api.call('updateRoute', { params: { id }, body: payload }),
  deleteRoute: (id: string) => api.call('deleteRoute', { params: { id } }),
  listRegistrations: (query?: Query<'listRegistrations'>) => api.call('listRegistrations', { query }),
  createRegistration: (payload: Body<'createRegistration'>) => api.call('createRegistration', { body: payload }),
  updateRegistration: (name: string, environment: 'dev' | 'stg' | 'prod', payload: Body<'updateRegistration'>) =>
    api.call('updateRegistration', { params: { name }, query: { environment }, body: payload }),
  deleteRegistration: (name: string, environment: 'dev' | 'stg' | 'prod') =>
    api.call('deleteRegistration', { params: { name }, query: { environment } }),
  routeHealth: (route: string) => api.call('routeHealth', { params: { route } }),
  /** A chat completion, answered whole. */
  chat: (route: string, payload: Body<'chat'>, signal?: AbortSignal) =>
    api.call('chat', { params: { route }, body: { ...payload, stream: false }, signal }),
  /** The raw answer of a streamed completion: server-sent events. */
  streamChat: (
    route: string,
    payload: Body<'chat'>,
    { signal, headers }: { signal?: AbortSignal; headers?: Record<string, string> } = {},
  ) => api.send('chat', { params: { route }, body: { ...payload, stream: true }, signal, headers }),
};
