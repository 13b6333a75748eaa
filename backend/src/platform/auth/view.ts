import { deployableEnvironments, environments, permissions, type Session } from '@llm-ops/contracts';
import type { z } from 'zod';
import type { Access, Identity } from '#platform/access';

/** The `data` of `GET /session`. */
export function sessionView(identity: Identity, access: Access): z.output<typeof Session> {
  const deployable = deployableEnvironments(identity.roles);
  return {
    userId: identity.userId,
    displayName: identity.displayName,
    kind: identity.kind,
    roles: [...identity.roles],
    teams: identity.teams === '*' ? null : [...identity.teams],
    permissions: permissions.filter((permission) => access.decide(permission).allowed),
    deployableEnvironments: environments.filter(
      (environment) =>
        deployable.has(environment) ||
        access.decide('endpoint:deploy', { type: 'endpoint', environment }, environment).allowed,
    ),
    rules: access.packedRules(),
    csrfToken: identity.csrfToken,
  };
}
