import type { BoundRoutes } from '#platform/http';
import type { Secrets } from '#platform/secrets';
import { createRoutes } from './routes.ts';
import { createModels, tokenName, tokenOwner, type OrganizationDeps } from './service.ts';

export type { ModelsSettings } from './rules.ts';

/** Models of organizations on a cluster (document 004), as one more face of the serving core. */
export function createOrganization(deps: OrganizationDeps): { routes: BoundRoutes } {
  return { routes: createRoutes(createModels(deps)) };
}

/** The Hugging Face token that is kept for an endpoint; null: none. For the runtime, which puts it where its pods read it. */
export const tokenOf = (secrets: Pick<Secrets, 'get'>, endpointId: string): Promise<string | null> =>
  secrets.get(tokenOwner(endpointId), tokenName);
