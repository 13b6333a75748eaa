import { z } from 'zod';
import { Environment } from './common.ts';
import { roles } from './permissions.ts';
import { defineRoutes } from './route.ts';

export const Session = z.object({
  userId: z.string(),
  displayName: z.string(),
  kind: z.enum(['header', 'oidc', 'session', 'api-key', 'system']),
  roles: z.array(z.enum(roles)),
  teams: z.array(z.string()).nullable().describe('null: every team (a team of one on loopback, or an administrator)'),
  permissions: z.array(z.string()),
  deployableEnvironments: z.array(Environment),
  rules: z.array(z.unknown()).describe('Packed @casl/ability rules: the web decides by the same rules as the server.'),
  csrfToken: z.string().nullable(),
});

export const Setting = z.object({
  name: z.string(),
  value: z.string().nullable().describe('Masked when it is a secret.'),
  default: z.string().nullable(),
  source: z.enum(['default', 'environment', '.env', 'backend/.env']),
  secret: z.boolean(),
  group: z.string(),
  description: z.string(),
});

export const platformRoutes = defineRoutes({
  getSession: {
    method: 'GET',
    path: '/session',
    summary: 'Who am I and what may I do?',
    tag: 'platform',
    permission: 'authenticated',
    data: Session,
  },
  getSignIn: {
    method: 'GET',
    path: '/session/sign-in',
    summary: 'Which ways of signing in there are',
    tag: 'platform',
    permission: 'public',
    data: z.object({ headerMode: z.boolean(), oidc: z.boolean(), loginUrl: z.string().nullable() }),
  },
  listSettings: {
    method: 'GET',
    path: '/settings',
    summary: 'Configuration in force, secrets masked',
    tag: 'platform',
    permission: 'settings:read',
    data: z.array(Setting),
  },
  getHealth: {
    method: 'GET',
    path: '/health',
    summary: 'State of each dependency',
    tag: 'platform',
    permission: 'authenticated',
    data: z.object({
      ready: z.boolean(),
      version: z.string(),
      dependencies: z.array(
        z.object({ name: z.string(), ok: z.boolean(), message: z.string(), latencyMs: z.number() }),
      ),
    }),
  },
});
