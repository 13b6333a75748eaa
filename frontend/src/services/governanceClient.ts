import type { ArgumentsOf, Tables } from '@llm-ops/sdk';
import { api } from './api.ts';

type Body<K extends keyof Tables> = ArgumentsOf<Tables[K]>['body'];
type Query<K extends keyof Tables> = ArgumentsOf<Tables[K]>['query'];

export const governanceClient = {
  listApiKeys: (query?: Query<'listApiKeys'>) => api.call('listApiKeys', { query }),
  createApiKey: (payload: Body<'createApiKey'>) => api.call('createApiKey', { body: payload }),
  updateApiKey: (id: string, payload: Body<'updateApiKey'>) =>
    api.call('updateApiKey', { params: { id }, body: payload }),
  revokeApiKey: (id: string) => api.call('revokeApiKey', { params: { id } }),
  listPolicies: (query?: Query<'listPolicies'>) => api.call('listPolicies', { query }),
  createPolicy: (payload: Body<'createPolicy'>) => api.call('createPolicy', { body: payload }),
  updatePolicy: (id: string, payload: Body<'updatePolicy'>) =>
    api.call('updatePolicy', { params: { id }, body: payload }),
  deletePolicy: (id: string) => api.call('deletePolicy', { params: { id } }),
  evaluatePolicies: (payload: Body<'evaluatePolicies'>) => api.call('evaluatePolicies', { body: payload }),
  listAuditLogs: (query?: Query<'listAuditLogs'>) => api.call('listAuditLogs', { query }),
  exportAuditLogs: (query?: Query<'exportAuditLogs'>) => api.call('exportAuditLogs', { query }),
  verifyAuditChain: () => api.call('verifyAuditChain'),
  listTeams: () => api.call('listTeams', { query: { limit: 200 } }),
  listProjects: (team: string) => api.call('listProjects', { params: { team } }),
};
