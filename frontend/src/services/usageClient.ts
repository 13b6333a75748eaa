import type { ArgumentsOf, Tables } from '@llm-ops/sdk';
import { api } from './api.ts';

type Query<K extends keyof Tables> = ArgumentsOf<Tables[K]>['query'];

/** What was asked of the gateway: sums, the request log, and how it goes now. */
export const usageClient = {
  summariseUsage: (query?: Query<'summariseUsage'>) => api.call('summariseUsage', { query }),
  listRequests: (query?: Query<'listRequests'>, signal?: AbortSignal) => api.call('listRequests', { query, signal }),
  getRequest: (id: string) => api.call('getRequest', { params: { id } }),
  viewGateway: (query?: Query<'viewGateway'>, signal?: AbortSignal) => api.call('viewGateway', { query, signal }),
  viewObjectives: (query?: Query<'viewObjectives'>, signal?: AbortSignal) =>
    api.call('viewObjectives', { query, signal }),
};
