import type { Kysely } from 'kysely';
import { createSealer, verifyAudit, type AuditKey, type AuditSealer, type AuditVerdict } from '#platform/audit';
import type { Authenticator } from '#platform/auth';
import type { Db } from '#platform/db';
import type { BoundRoutes } from '#platform/http';
import type { Logger } from '#platform/log';
import type { Objects } from '#ports/objects';
import { createAudit } from './audit.ts';
import { createHeadFile } from './head.ts';
import { createKeys } from './keys.ts';
import { createPolicies } from './policies.ts';
import { createRoutes } from './routes.ts';
import { createTeams } from './teams.ts';

export { teamOfKey } from './keys.ts';
export { ensureTeam } from './teams.ts';
export { auditHeadKey } from './head.ts';

/** Keys, policies, teams and the audit log. */
export interface Governance {
  routes: BoundRoutes;
  sealer: AuditSealer;
}

/** `auditKeys`: from `loadAuditKeys`, the one to seal with first. `objects` keeps the exported end of the chain. */
export function createGovernance(deps: {
  db: Pick<Db, 'kysely'>;
  authenticator: Pick<Authenticator, 'policies'>;
  auditKeys: readonly [AuditKey, ...AuditKey[]];
  objects: Objects;
  log: Logger;
  now: () => Date;
}): Governance {
  const { db, log, now, auditKeys, objects } = deps;
  const base = {
    kysely: db.kysely as unknown as Kysely<unknown>,
    now,
    policies: () => deps.authenticator.policies(),
  };
  const [{ key, id: keyId }] = auditKeys;
  return {
    routes: createRoutes({
      keys: createKeys(base),
      policies: createPolicies(base),
      teams: createTeams(base),
      audit: createAudit({ ...base, verify: () => verifyChain({ db, auditKeys, objects }) }),
    }),
    sealer: createSealer({ db, key, keyId, log, exportHead: createHeadFile(objects).write }),
  };
}

/** What `llmops audit verify` and `GET /governance/audit/verify` answer. */
export async function verifyChain(deps: {
  db: Pick<Db, 'kysely'>;
  auditKeys: readonly AuditKey[];
  objects: Objects;
}): Promise<AuditVerdict> {
  const head = await createHeadFile(deps.objects).read();
  return verifyAudit({ db: deps.db, keys: deps.auditKeys, head });
}
