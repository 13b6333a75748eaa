import { z } from 'zod';
import { Environment, Id, IdParams, Name, Page, RevisionNumber, Time } from './common.ts';
import { defineRoutes } from './route.ts';

const Timeouts = z
  .object({
    connectMs: z.number().int().min(1).max(600_000).describe('Until the upstream takes the connection.'),
    firstTokenMs: z.number().int().min(1).max(3_600_000).describe('Until the first byte of the answer.'),
    idleMs: z.number().int().min(1).max(3_600_000).describe('Between two pieces of the answer.'),
  })
  .partial();
/** What may be tried again, before the client has seen a byte. */
export const retryCauses = ['connect', 'busy', 'error', 'timeout'] as const;
const Retry = z.object({
  attempts: z
    .number()
    .int()
    .min(0)
    .max(5)
    .describe('Further tries among the targets of one priority; the next priority is tried in any case.'),
  on: z
    .array(z.enum(retryCauses))
    .default(['connect', 'busy'])
    .describe(
      'connect: nothing was sent. busy: 429 or 503. error: 500, 502, 504 or a broken connection; timeout: no first byte in time: both may cost twice.',
    ),
});
const RouteLimits = z.object({
  requestsPerMinute: z.number().int().min(1).max(1_000_000_000).optional(),
  tokensPerMinute: z.number().int().min(1).max(1_000_000_000_000).optional(),
  defaultMaxTokens: z
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .describe('What a budget reserves for an answer when the request names no max_tokens; 1024 when not given.'),
});

export const RouteTarget = z.object({
  endpointId: Id,
  revision: RevisionNumber.nullish(),
  weight: z.number().min(0).max(100).default(100),
  priority: z.number().int().min(0).max(100).default(0).describe('0 is tried first; the others are its fallbacks.'),
  timeouts: Timeouts.nullish().describe("Of this target alone; what is not given is the route's."),
});
const RouteCapture = z.object({
  content: z.boolean().describe('Keep what was asked and answered in the request log, for as long as it is kept.'),
});
const routeFields = {
  name: Name,
  environment: Environment,
  enabled: z.boolean().default(true),
  targets: z.array(RouteTarget).min(1).max(20),
  retry: Retry.default({ attempts: 0, on: ['connect', 'busy'] }),
  timeouts: Timeouts.default({}),
  cache: z.object({ ttlSeconds: z.number().int().min(0).max(86_400) }).nullish(),
  limits: RouteLimits.nullish(),
  capture: RouteCapture.default({ content: false }),
};
export const RouteCreate = z.object(routeFields);
export const RoutePatch = z.object({
  enabled: z.boolean().optional(),
  targets: z.array(RouteTarget).min(1).max(20).optional(),
  retry: Retry.optional(),
  timeouts: Timeouts.optional(),
  cache: routeFields.cache,
  limits: routeFields.limits,
  capture: RouteCapture.optional(),
});
export const Route = z.object({
  id: Id,
  name: z.string(),
  team: z.string(),
  environment: Environment,
  enabled: z.boolean(),
  targets: z.array(
    z.object({
      endpointId: Id,
      revision: z.number().nullable(),
      weight: z.number(),
      priority: z.number(),
      timeouts: Timeouts.nullable(),
    }),
  ),
  retry: z.object({ attempts: z.number(), on: z.array(z.enum(retryCauses)) }),
  timeouts: Timeouts,
  cache: z.object({ ttlSeconds: z.number() }).nullable(),
  limits: RouteLimits.nullable(),
  capture: RouteCapture,
  createdAt: Time,
  updatedAt: Time,
});

export const Registration = z.object({
  name: z.string(),
  endpointId: Id,
  environment: Environment,
  enabled: z.boolean(),
  createdAt: Time,
  updatedAt: Time,
});

const NameParams = z.object({ name: z.string().min(1).max(200) });
const EnvironmentQuery = z.object({ environment: Environment.optional() });
const audited = (action: string, resource: string) => ({ action: `${resource}.${action}`, resource });

export const gatewayRoutes = defineRoutes({
  listRoutes: {
    method: 'GET',
    path: '/serving/routes',
    summary: 'Routes of the gateway',
    tag: 'serving',
    permission: 'route:read',
    list: true,
    query: Page.extend({ environment: Environment.optional(), name: z.string().max(200).optional() }),
    data: z.array(Route),
  },
  createRoute: {
    method: 'POST',
    path: '/serving/routes',
    summary: 'A name for one or several endpoints',
    tag: 'serving',
    permission: 'route:write',
    body: RouteCreate,
    data: Route,
    idempotent: true,
    audit: audited('create', 'route'),
    failures: ['endpoint_not_found', 'route_name_taken', 'route_name_invalid'],
  },
  getRoute: {
    method: 'GET',
    path: '/serving/routes/{id}',
    summary: 'One route',
    tag: 'serving',
    permission: 'route:read',
    params: IdParams,
    data: Route,
    failures: ['route_not_found'],
  },
  updateRoute: {
    method: 'PATCH',
    path: '/serving/routes/{id}',
    summary: 'Change a route',
    tag: 'serving',
    permission: 'route:write',
    params: IdParams,
    body: RoutePatch,
    data: Route,
    audit: audited('update', 'route'),
    failures: ['route_not_found', 'endpoint_not_found'],
  },
  deleteRoute: {
    method: 'DELETE',
    path: '/serving/routes/{id}',
    summary: 'Delete a route',
    tag: 'serving',
    permission: 'route:write',
    params: IdParams,
    data: z.object({ id: Id }),
    audit: audited('delete', 'route'),
    failures: ['route_not_found'],
  },
  listRegistrations: {
    method: 'GET',
    path: '/serving/registrations',
    summary: 'Names that clients may ask for',
    tag: 'serving',
    permission: 'route:read',
    list: true,
    query: Page.extend({ environment: Environment.optional() }),
    data: z.array(Registration),
  },
  createRegistration: {
    method: 'POST',
    path: '/serving/registrations',
    summary: 'Register a name for an endpoint',
    tag: 'serving',
    permission: 'route:write',
    body: z.object({
      name: Name,
      endpointId: Id,
      environment: Environment.optional(),
      enabled: z.boolean().default(true),
    }),
    data: Registration,
    idempotent: true,
    audit: audited('create', 'registration'),
    failures: ['endpoint_not_found', 'route_name_taken', 'route_name_invalid'],
  },
  getRegistration: {
    method: 'GET',
    path: '/serving/registrations/{name}',
    summary: 'One registration',
    tag: 'serving',
    permission: 'route:read',
    params: NameParams,
    query: EnvironmentQuery,
    data: Registration,
    failures: ['registration_not_found', 'registration_ambiguous'],
  },
  updateRegistration: {
    method: 'PATCH',
    path: '/serving/registrations/{name}',
    summary: 'Enable, disable or point elsewhere',
    tag: 'serving',
    permission: 'route:write',
    params: NameParams,
    query: EnvironmentQuery,
    body: z.object({ endpointId: Id.optional(), enabled: z.boolean().optional() }),
    data: Registration,
    audit: audited('update', 'registration'),
    failures: ['registration_not_found', 'registration_ambiguous', 'endpoint_not_found'],
  },
  deleteRegistration: {
    method: 'DELETE',
    path: '/serving/registrations/{name}',
    summary: 'Remove a name',
    tag: 'serving',
    permission: 'route:write',
    params: NameParams,
    query: EnvironmentQuery,
    data: z.object({ name: z.string() }),
    audit: audited('delete', 'registration'),
    failures: ['registration_not_found', 'registration_ambiguous'],
  },
});
