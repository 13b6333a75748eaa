import { z } from 'zod';
import { Environment, Id, Page, Time, TimeIn } from './common.ts';
import { defineRoutes } from './route.ts';

/** Content parts (text, images) and unknown fields pass through to the model. */
export const Message = z.looseObject({
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool', 'function']),
  content: z.union([z.string(), z.array(z.looseObject({ type: z.string() })), z.null()]).optional(),
});

export const ChatRequest = z.looseObject({
  messages: z.array(Message).min(1, 'Give at least one message.'),
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

export const UsageRow = z.object({
  key: z.string(),
  requests: z.number(),
  errors: z.number(),
  prompt_tokens: z.number(),
  completion_tokens: z.number(),
  mean_latency_ms: z.number().nullable(),
});

export const usageRoutes = defineRoutes({
  summariseUsage: {
    method: 'GET',
    path: '/governance/observability/usage',
    summary: 'Requests and tokens by user, team, model, endpoint or environment',
    tag: 'governance',
    permission: 'usage:read',
    query: z.object({
      group_by: z.enum(['user', 'team', 'model', 'endpoint', 'environment', 'route']).default('endpoint'),
      since: TimeIn.optional(),
      until: TimeIn.optional(),
      endpoint_id: Id.optional(),
      environment: Environment.optional(),
      limit: Page.shape.limit,
    }),
    data: z.array(UsageRow),
  },
});
