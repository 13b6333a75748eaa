import { z } from 'zod';
import { Environment, Id, IdParams, Page, Said, Time, TimeIn } from './common.ts';
import { defineRoutes } from './route.ts';
import { sentences } from './sentences.ts';

/** Content parts (text, images) and unknown fields pass through to the model. */
export const Message = z.looseObject({
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool', 'function']),
  content: z.union([z.string(), z.array(z.looseObject({ type: z.string() })), z.null()]).optional(),
});

/** What the platform reads of it; other fields are the engine's to know, and reach it byte for byte. */
export const ChatRequest = z.looseObject({
  messages: z.array(Message).min(1, sentences.messages_none),
  temperature: z.number().min(0).max(2).optional(),
  max_tokens: z.number().int().min(1).max(4000).optional(),
  stream: z.boolean().optional(),
  template: z.string().optional(),
  variables: z.record(z.string(), z.unknown()).optional(),
  user: z.string().optional(),
});

export const TokenUsage = z.object({
  prompt_tokens: z.number(),
  completion_tokens: z.number(),
  total_tokens: z.number(),
});
export const ChatAnswer = z.looseObject({
  choices: z.array(
    z.looseObject({
      index: z.number(),
      message: z.looseObject({ role: z.string(), content: z.string().nullable() }),
      finish_reason: z.string().nullable(),
    }),
  ),
  usage: TokenUsage,
  model: z.string(),
  endpoint: z.string(),
});

export const RouteHealth = z.object({
  status: z.enum(['healthy', 'degraded', 'failed', 'deploying', 'stopped']),
  timestamp: Time,
  model: z.object({ name: z.string(), version: z.string() }),
});

const RouteParams = z.object({ route: z.string().min(1).max(200).describe('Name of the route; it may hold slashes.') });

/** Served by the gateway's own handler, outside of the framework; listed here so that they are documented and authorised alike. */
export const inferenceRoutes = defineRoutes({
  chat: {
    method: 'POST',
    path: '/serve/{route}/chat',
    summary: 'A chat completion; `stream: true` answers SSE',
    tag: 'inference',
    permission: 'inference:call',
    params: RouteParams,
    body: ChatRequest,
    data: ChatAnswer,
    failures: ['route_not_found', 'registration_disabled', 'endpoint_unavailable', 'upstream_failed'],
  },
  routeHealth: {
    method: 'GET',
    path: '/serve/{route}/health',
    summary: 'Is this route answering?',
    tag: 'inference',
    permission: 'inference:call',
    params: RouteParams,
    data: RouteHealth,
    failures: ['route_not_found', 'registration_disabled'],
  },
});

const Money = z.string().describe("Decimal, in the platform's currency.");

export const UsageRow = z.object({
  key: z.string(),
  requests: z.number(),
  errors: z.number(),
  cached: z.number(),
  prompt_tokens: z.number(),
  completion_tokens: z.number(),
  cost: Money,
  currency: z.string(),
  mean_latency_ms: z.number().nullable(),
});

export const operations = ['chat', 'completion', 'embedding'] as const;

/** A request as the log lists it. */
export const RequestEntry = z.object({
  id: Id,
  at: Time,
  request_id: z.string(),
  user_id: z.string(),
  team: z.string().nullable(),
  project: z.string().nullable(),
  api_key_id: Id.nullable(),
  route: z.string(),
  environment: Environment,
  endpoint_id: Id.nullable().describe('Null: it was refused before a target was chosen.'),
  model_id: Id.nullable(),
  model_name: z.string().nullable(),
  model_version: z.string().nullable(),
  provider: z.string().nullable(),
  revision: z.number().nullable(),
  operation: z.enum(operations),
  streamed: z.boolean(),
  status: z.number().describe('HTTP status answered; 499: the client went away, 598: the gateway died.'),
  error_code: z.string().nullable(),
  finish_reason: z.string().nullable(),
  prompt_tokens: z.number(),
  completion_tokens: z.number(),
  estimated: z.boolean().describe('The upstream gave no usage: tokens are reckoned.'),
  cached: z.boolean(),
  cost: Money,
  currency: z.string(),
  latency_ms: z.number(),
  first_token_ms: z.number().nullable(),
  attempts: z.number().describe('Tries at targets; 0 from the cache or when refused.'),
  trace_id: z.string().nullable(),
  captured: z.boolean().describe('What was asked and answered is kept.'),
});
export type RequestEntry = z.infer<typeof RequestEntry>;

/** Why the request went where it went. */
export const RoutingDecision = z.object({
  environments: z.array(Environment).describe('Where the name is, in the order tried.'),
  attempts: z.array(
    z.object({
      endpoint_id: Id,
      revision: z.number(),
      priority: z.number(),
      address: z.string().describe('Host and port.'),
      outcome: z.string().describe('`answered`, or what failed: `connect`, `busy`, `error`, `timeout`, `refused`.'),
      status: z.number().nullable(),
      milliseconds: z.number(),
    }),
  ),
  skipped: z.array(z.object({ endpoint_id: Id, reason: z.string() })),
  failure: z
    .object({ message: z.string(), remedy: z.string(), said: Said })
    .optional()
    .describe("What was answered instead of an answer, without an engine's own words unless content is kept."),
});
export type RoutingDecision = z.infer<typeof RoutingDecision>;

export const RequestDetail = RequestEntry.extend({
  gateway: z.string(),
  price: z.object({ input_per_million: Money, output_per_million: Money, per_request: Money }).nullable(),
  decision: RoutingDecision.nullable(),
  content: z
    .object({
      request: z.string().describe('The body as it was asked, redacted where that is on.'),
      response: z.string().nullable().describe("The answer's body; of a stream, the pieces put together."),
      redacted: z.number().describe('Places that were made unreadable.'),
      truncated: z.boolean(),
    })
    .nullable()
    .describe('Null: not captured, no longer kept, or not for this reader.'),
});
export type RequestDetail = z.infer<typeof RequestDetail>;

const LatencyFigures = z.object({
  p50_ms: z.number().nullable(),
  p95_ms: z.number().nullable(),
  p99_ms: z.number().nullable(),
});
const Traffic = z.object({
  requests: z.number(),
  errors: z.number().describe('5xx, and clients that found no answer in time.'),
  refused: z.number().describe('4xx by the gateway itself: limits, budgets, rights, bad bodies.'),
  cached: z.number(),
  prompt_tokens: z.number(),
  completion_tokens: z.number(),
  cost: Money,
  ...LatencyFigures.shape,
  first_token_p50_ms: z.number().nullable(),
});
export const GatewayView = z.object({
  now: Time,
  currency: z.string(),
  step_seconds: z.number(),
  gateways: z.array(
    z.object({
      id: z.string(),
      host: z.string(),
      seen_at: Time,
      alive: z.boolean(),
      in_flight: z.number(),
      unsettled: z.number().describe('Requests in its journal that are not in the database yet.'),
      open_breakers: z.array(z.object({ endpoint_id: Id, address: z.string(), until: Time })),
      outage: z
        .object({
          known_at: Time.describe('Of when what it answered by was: keys, routes, prices, policies.'),
          until: Time,
        })
        .nullable()
        .describe('The last time within a day that it answered without the database.'),
    }),
  ),
  total: Traffic,
  routes: z.array(Traffic.extend({ route: z.string(), environment: Environment })),
  series: z.array(
    z.object({
      at: Time,
      requests: z.number(),
      errors: z.number(),
      prompt_tokens: z.number(),
      completion_tokens: z.number(),
      p50_ms: z.number().nullable(),
      p95_ms: z.number().nullable(),
    }),
  ),
});
export type GatewayView = z.infer<typeof GatewayView>;

const Objective = z.object({
  requests: z
    .number()
    .describe(
      'Sent on to it; neither what the gateway refused or knew, nor what its client gave up, nor the lost ones.',
    ),
  errors: z.number().describe('Of those 500 and above.'),
  lost: z
    .number()
    .describe('That a gateway died with before they were answered (598): its loss, and no error of the endpoint.'),
  availability: z
    .number()
    .nullable()
    .describe('Percent that were answered without an error of its own; null: none was asked.'),
  seen_availability: z
    .number()
    .nullable()
    .describe('The same as callers saw it: the lost ones are among those that were not answered.'),
  budget_left: z
    .number()
    .nullable()
    .describe('Percent of the errors that the objective allows which are still to be had; below 0: it is missed.'),
  answer_p50_ms: z.number().nullable().describe('Of good answers: of a stream to its first piece, else to the whole.'),
  answer_p95_ms: z.number().nullable(),
  available: z.boolean().nullable().describe('Whether the objective of availability is met.'),
  quick: z.boolean().nullable().describe('Whether the objective of the median answer is met.'),
});
export const ObjectivesView = z.object({
  since: Time,
  until: Time,
  objective: z.object({ availability: z.number().describe('Percent.'), answer_p50_ms: z.number() }),
  endpoints: z
    .array(
      Objective.extend({
        endpoint_id: Id,
        route: z.string().describe('As it was asked for last.'),
        environment: Environment,
        days: z.array(z.object({ day: z.iso.date(), requests: z.number(), errors: z.number() })),
      }),
    )
    .describe('Those that were asked at all, what misses its objectives first.'),
});
export type ObjectivesView = z.infer<typeof ObjectivesView>;

export const usageRoutes = defineRoutes({
  summariseUsage: {
    method: 'GET',
    path: '/governance/observability/usage',
    summary: 'Requests and tokens by user, team, model, endpoint or environment',
    tag: 'governance',
    permission: 'usage:read',
    query: z.object({
      group_by: z
        .enum(['user', 'team', 'project', 'key', 'model', 'endpoint', 'environment', 'route'])
        .default('endpoint'),
      since: TimeIn.optional(),
      until: TimeIn.optional(),
      endpoint_id: Id.optional(),
      environment: Environment.optional(),
      limit: Page.shape.limit,
    }),
    data: z.array(UsageRow),
  },
  listRequests: {
    method: 'GET',
    path: '/governance/observability/requests',
    summary: 'The request log, newest first',
    tag: 'governance',
    permission: 'usage:read',
    list: true,
    query: Page.extend({
      since: TimeIn.optional().describe('The last 24 hours when not given.'),
      until: TimeIn.optional(),
      route: z.string().max(200).optional(),
      environment: Environment.optional(),
      endpoint_id: Id.optional(),
      model: z.string().max(200).optional(),
      user_id: z.string().max(200).optional(),
      team: z.string().max(63).optional(),
      project: z.string().max(200).optional(),
      api_key_id: Id.optional(),
      request_id: z.string().max(128).optional(),
      operation: z.enum(operations).optional(),
      outcome: z.enum(['ok', 'error', 'refused', 'cancelled', 'cached']).optional(),
      min_latency_ms: z.coerce.number().int().min(0).max(86_400_000).optional(),
      search: z
        .string()
        .max(200)
        .refine((value) => !value.includes('\u0000'), sentences.nul)
        .optional()
        .describe('Words of what was asked or answered, where it is captured.'),
    }),
    data: z.array(RequestEntry),
  },
  getRequest: {
    method: 'GET',
    path: '/governance/observability/requests/{id}',
    summary: 'One request: its decision, its price and, where captured, its conversation',
    tag: 'governance',
    permission: 'usage:read',
    params: IdParams,
    data: RequestDetail,
    failures: ['request_not_found'],
  },
  viewGateway: {
    method: 'GET',
    path: '/governance/observability/gateway',
    summary: 'Rate, latency, errors and tokens by route, as they are now',
    tag: 'governance',
    permission: 'usage:read',
    query: z.object({
      minutes: z.coerce.number().int().min(1).max(1440).default(60),
      environment: Environment.optional(),
      route: z.string().max(200).optional(),
    }),
    data: GatewayView,
  },
  viewObjectives: {
    method: 'GET',
    path: '/governance/observability/objectives',
    summary: 'Availability and median answer of each endpoint against what is aimed at',
    tag: 'governance',
    permission: 'usage:read',
    query: z.object({
      days: z.coerce.number().int().min(1).max(92).default(28).describe('Whole hours until now.'),
      environment: Environment.optional(),
    }),
    data: ObjectivesView,
  },
});
