import { platformRoutes } from '@llm-ops/contracts';
import type { Access, Identity } from '#platform/access';
import type { Config } from '#platform/config';
import type { Health } from '#platform/health';
import { bindRoutes, type BoundRoutes } from '#platform/http';

interface PlatformDeps {
  config: Config;
  health: () => Promise<Health>;
  version: string;
  sessionView(identity: Identity, access: Access): Record<string, unknown>;
  headerMode: boolean;
  oidc: boolean;
}

/** What the platform itself answers: who am I, what is configured, is it well. */
export function platformRoutesOf(deps: PlatformDeps): BoundRoutes {
  return bindRoutes(platformRoutes, {
    getSession: async (c) => deps.sessionView(c.identity, c.access) as never,
    getSignIn: async () => ({
      headerMode: deps.headerMode,
      oidc: deps.oidc,
      loginUrl: deps.oidc ? '/auth/login' : null,
    }),
    listSettings: async () => deps.config.describe(),
    getHealth: async () => ({ ...(await deps.health()), version: deps.version }),
  });
}
