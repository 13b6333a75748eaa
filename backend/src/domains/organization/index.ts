import type { Db } from '#platform/db';
import type { BoundRoutes } from '#platform/http';
import type { Secrets } from '#platform/secrets';
import { createFace, type FaceDeps } from './face.ts';
import { createRoutes } from './routes.ts';
import { createModels } from './service.ts';
import { createTokens } from './tokens.ts';

export type { ModelsSettings } from './rules.ts';
export { tokenOf } from './tokens.ts';

/** Models of organizations on a cluster (document 004), as one more face of the serving core. */
export function createOrganization(
  deps: Omit<FaceDeps, 'tokens'> & { db: Pick<Db, 'kysely'>; secrets: Pick<Secrets, 'get' | 'put' | 'remove'> },
): { routes: BoundRoutes } {
  const tokens = createTokens(deps.secrets);
  const face = createFace({ ...deps, tokens });
  deps.desk.speak(face);
  return { routes: createRoutes(createModels({ ...deps, face, tokens })) };
}
