import { governanceRoutes } from '@llm-ops/contracts';
import { bindRoutes, type BoundRoutes } from '#platform/http';
import type { createAudit } from './audit.ts';
import type { createKeys } from './keys.ts';
import type { createPolicies } from './policies.ts';
import type { createTeams } from './teams.ts';

export function createRoutes(services: {
  keys: ReturnType<typeof createKeys>;
  policies: ReturnType<typeof createPolicies>;
  teams: ReturnType<typeof createTeams>;
  audit: ReturnType<typeof createAudit>;
}): BoundRoutes {
  const { keys, policies, teams, audit } = services;
  return bindRoutes(governanceRoutes, {
    listApiKeys: (c) => keys.list(c),
    createApiKey: (c) => keys.create(c),
    updateApiKey: (c) => keys.update(c),
    revokeApiKey: (c) => keys.revoke(c),
    listPolicies: (c) => policies.list(c),
    createPolicy: (c) => policies.create(c),
    getPolicy: (c) => policies.get(c),
    updatePolicy: (c) => policies.update(c),
    deletePolicy: (c) => policies.remove(c),
    evaluatePolicies: (c) => policies.evaluate(c),
    listAuditLogs: (c) => audit.list(c),
    exportAuditLogs: (c) => audit.export(c),
    verifyAuditChain: () => audit.verify(),
    listTeams: (c) => teams.list(c),
    createTeam: (c) => teams.create(c),
    listProjects: (c) => teams.listProjects(c),
    createProject: (c) => teams.createProject(c),
    listMembers: (c) => teams.listMembers(c),
    putMember: (c) => teams.putMember(c),
    deleteMember: (c) => teams.deleteMember(c),
  });
}
