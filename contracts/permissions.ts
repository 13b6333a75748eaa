/** The people of the platform, as the documents name them. */
export const roles = [
  'admin',
  'operator',
  'researcher',
  'data-engineer',
  'ml-engineer',
  'developer',
  'reviewer',
  'auditor',
  'viewer',
  'llm-ops-user',
] as const;
export type Role = (typeof roles)[number];

/** `noun:verb`; each route of the tables names the one it needs. */
export const permissions = [
  'model:read',
  'model:write',
  'model:approve',
  'model:delete',
  'dataset:read',
  'dataset:write',
  'dataset:approve',
  'dataset:delete',
  'pii-rule:write',
  'endpoint:read',
  'endpoint:deploy',
  'endpoint:operate',
  'endpoint:approve',
  'route:read',
  'route:write',
  'inference:call',
  'policy:read',
  'policy:write',
  'api-key:read',
  'api-key:write',
  'audit:read',
  'usage:read',
  'request:content',
  'budget:read',
  'budget:write',
  'price:read',
  'price:write',
  'team:read',
  'team:write',
  'settings:read',
] as const;
export type Permission = (typeof permissions)[number];

const read = [
  'model:read',
  'dataset:read',
  'endpoint:read',
  'route:read',
  'policy:read',
  'usage:read',
  'budget:read',
  'price:read',
  'team:read',
  'settings:read',
] as const;
const write = [...read, 'model:write', 'dataset:write'] as const;
const develop = [...read, 'endpoint:deploy', 'inference:call', 'api-key:read', 'api-key:write'] as const;

/** Who may what by default. `developer` deploys to dev alone: `deployableEnvironments`. */
export const permissionsOfRole: Record<Role, readonly Permission[]> = {
  admin: permissions,
  operator: [
    ...develop,
    'endpoint:operate',
    'route:write',
    'model:write',
    'dataset:write',
    'pii-rule:write',
    'audit:read',
    'request:content',
    'budget:write',
    'price:write',
  ],
  researcher: [...write, 'inference:call'],
  'data-engineer': [...write, 'pii-rule:write'],
  'ml-engineer': [...write, 'inference:call', 'endpoint:deploy'],
  developer: develop,
  reviewer: [...read, 'model:approve', 'dataset:approve', 'endpoint:approve', 'inference:call'],
  auditor: [...read, 'audit:read', 'request:content'],
  viewer: read,
  'llm-ops-user': develop,
};

export function permissionsOf(held: readonly Role[]): Set<Permission> {
  return new Set(held.flatMap((role) => permissionsOfRole[role]));
}

/** Roles that hold a permission: what to ask an administrator for. */
export function rolesWith(permission: Permission): Role[] {
  return roles.filter((role) => permissionsOfRole[role].includes(permission));
}

/** Environments that these roles may deploy to. */
export function deployableEnvironments(held: readonly Role[]): Set<'dev' | 'stg' | 'prod'> {
  if (held.some((role) => role === 'admin' || role === 'operator')) return new Set(['dev', 'stg', 'prod']);
  return permissionsOf(held).has('endpoint:deploy') ? new Set(['dev']) : new Set();
}
