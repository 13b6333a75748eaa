import { z } from 'zod';
import { closed, Environment, Id, Name, RevisionNumber, Time } from './common.ts';

const Timeouts = closed({
  connectMs: z.number().int().min(1).max(600_000).describe('Until the upstream takes the connection.'),
  firstTokenMs: z.number().int().min(1).max(3_600_000).describe('Until the first byte of the answer.'),
  idleMs: z.number().int().min(1).max(3_600_000).describe('Between two pieces of the answer.'),
}).partial();
/** What may be tried again, before the client has seen a byte. */
export const retryCauses = ['connect', 'busy', 'error', 'timeout'] as const;
const Retry = closed({
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
const RouteLimits = closed({
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
