import { z } from 'zod';
import { CanaryPlan } from './canary.ts';
import { ChangePlan } from './change-plan.ts';
import { Environment, Id, otherNames, QueryBoolean, Said, Text, Time } from './common.ts';
import { sentences } from './sentences.ts';

export const endpointStatuses = ['deploying', 'healthy', 'degraded', 'failed', 'stopped', 'deleting'] as const;
export const EndpointStatus = z.enum(endpointStatuses);
export type EndpointStatus = z.infer<typeof EndpointStatus>;

/** Trimmed, with a leading slash, without a trailing one; the service refuses what cannot be a path. */
export const RoutePath = z.string().trim().min(1).max(200);
export const Quantity = z.string().regex(/^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$/, sentences.cpu_or_memory);
export const AutoscalePolicy = z.object({
  cpuUtilization: z.number().int().min(1).max(100).optional(),
  memoryUtilization: z.number().int().min(1).max(100).optional(),
  gpuUtilization: z.number().int().min(1).max(100).optional(),
  targetLatencyMs: z.number().int().min(1).optional(),
  metric: z
    .object({
      name: z.string().regex(/^[A-Za-z_:][A-Za-z0-9_:.-]{0,199}$/, sentences.metric),
      target: z.string().regex(/^\d{1,9}(\.\d{1,6}|m)?$/, sentences.number_or_thousandths),
      scaleDownDelay: z
        .string()
        .regex(/^(?=\d)(\d{1,4}h)?(\d{1,5}m)?(\d{1,6}s)?$/, sentences.duration)
        .optional(),
    })
    .optional()
    .describe(
      'A metric of the pods that the custom metrics API of the cluster serves (Prometheus adapter), and its average for each.',
    ),
});
export const Condition = z.object({
  type: z.string(),
  reason: z.string(),
  message: z.string(),
  remedy: z.string(),
  said: Said,
  since: Time,
});
export const Replicas = z.object({ total: z.number(), ready: z.number(), available: z.number() });

export const Endpoint = z.object({
  id: Id,
  modelId: Id,
  modelName: z.string(),
  version: z.string(),
  environment: Environment,
  route: z.string(),
  status: EndpointStatus,
  minReplicas: z.number(),
  maxReplicas: z.number(),
  autoscalePolicy: AutoscalePolicy.nullable(),
  promptPolicyId: z.string().nullable(),
  useGpu: z.boolean(),
  runtime: z.string(),
  runtimeImage: z.string(),
  rollbackPlan: z.string(),
  lastHealthCheck: Time.nullable(),
  replicas: Replicas,
  conditions: z.array(Condition),
  revision: z.number().describe('The revision that takes the traffic; 0 before the first one is ready.'),
  targetRevision: z.number().describe('The revision that is wanted; differs from `revision` during a rollout.'),
  team: z.string(),
  createdBy: z.string(),
  createdAt: Time,
  updatedAt: Time,
});
export type Endpoint = z.infer<typeof Endpoint>;

const Probe = z.object({
  path: z.string().startsWith('/'),
  initialDelaySeconds: z.number().int().min(0).optional(),
  periodSeconds: z.number().int().min(1).optional(),
  failureThreshold: z.number().int().min(1).optional(),
});
const Probes = z.object({ liveness: Probe.optional(), readiness: Probe.optional(), startup: Probe.optional() });
const PullPolicy = z.enum(['IfNotPresent', 'Always', 'Never']);
const replicas = z.number().int().min(0).max(100);
const called = (...names: string[]) => ({ names });
const asImage = called('image', 'runtimeImage', 'containerImage');
const asGpus = called('gpus', 'numGpus', 'gpu');
const asContext = called('maxModelLen', 'maxContextLength', 'contextWindow');
const asArguments = called('arguments', 'extraArgs', 'command');
const asVariables = called('environmentVariables', 'envVars', 'variables');

const plan = ChangePlan.describe('Backup plan and maintenance procedure; required for prod.');

const overrides = {
  useGpu: z.boolean().optional(),
  servingRuntimeImage: z.string().trim().min(1).max(500).optional().register(otherNames, asImage),
  cpuRequest: Quantity.optional().register(otherNames, called('cpu')),
  cpuLimit: Quantity.optional(),
  memoryRequest: Quantity.optional().register(otherNames, called('memory')),
  memoryLimit: Quantity.optional(),
};

export const EndpointDeploy = z.object({
  modelId: Id,
  version: z.string().max(128).optional(),
  environment: Environment,
  route: RoutePath,
  minReplicas: replicas.default(1).register(otherNames, called('replicas', 'replicaCount')),
  maxReplicas: replicas.optional(),
  autoscalePolicy: AutoscalePolicy.nullish(),
  promptPolicyId: z.string().max(100).nullish(),
  rollbackPlan: Text.optional(),
  parityNote: Text.optional(),
  change: plan.optional(),
  gpuCount: z.number().int().min(1).max(64).optional().register(otherNames, asGpus),
  gpuType: z.string().max(100).optional().register(otherNames, called('accelerator')),
  deploymentMode: z.enum(['raw', 'kserve']).optional().register(otherNames, called('mode')),
  contextLength: z.number().int().min(64).max(10_000_000).optional().register(otherNames, asContext),
  args: z.array(z.string().max(2000)).max(100).default([]).register(otherNames, asArguments),
  env: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, sentences.variable), z.string().max(4000))
    .default({})
    .register(otherNames, asVariables),
  imagePullPolicy: PullPolicy.default('IfNotPresent'),
  probes: Probes.optional(),
  ...overrides,
});

export const EndpointPatch = z.object({
  autoscalePolicy: AutoscalePolicy.nullish(),
  promptPolicyId: z.string().max(100).nullish(),
  status: EndpointStatus.optional(),
  minReplicas: replicas.optional().register(otherNames, called('replicas', 'replicaCount')),
  maxReplicas: replicas.optional(),
  rollbackPlan: Text.optional(),
});

export const EndpointRedeploy = z.object({
  ...overrides,
  modelId: Id.optional(),
  contextLength: z.number().int().min(64).optional().register(otherNames, asContext),
  gpuCount: z.number().int().min(1).max(64).optional().register(otherNames, asGpus),
  gpuType: z.string().max(100).optional().register(otherNames, called('accelerator')),
  imagePullPolicy: PullPolicy.optional(),
  probes: Probes.optional(),
  args: z.array(z.string().max(2000)).max(100).optional().register(otherNames, asArguments),
  env: z.record(z.string(), z.string()).optional().register(otherNames, asVariables),
  parityNote: Text.optional(),
  change: plan.optional(),
  canary: CanaryPlan.optional().describe('Shares of the traffic instead of all of it at once.'),
});
/** What of it the query takes too. */
export const EndpointRedeployQuery = z.object({ ...overrides, useGpu: QueryBoolean.optional() });

export const EndpointPromote = z.object({
  environment: Environment,
  parityNote: Text.optional(),
  rollbackPlan: Text.optional(),
  change: plan.optional(),
});

export const Revision = z.object({
  id: Id,
  number: z.number(),
  modelId: Id,
  modelName: z.string(),
  version: z.string(),
  runtime: z.string(),
  runtimeImage: z.string(),
  useGpu: z.boolean(),
  reason: z.enum(['deploy', 'redeploy', 'rollback', 'promote', 'patch']),
  rolledBackTo: z.number().nullable(),
  state: z.enum(['pending', 'starting', 'verifying', 'live', 'draining', 'retired', 'failed']),
  phase: z.string(),
  message: z.string().nullable(),
  artifactDigest: z.string().nullable(),
  resources: z.object({
    cpuRequest: z.string(),
    cpuLimit: z.string(),
    memoryRequest: z.string(),
    memoryLimit: z.string(),
  }),
  conditions: z.array(Condition),
  createdBy: z.string(),
  createdAt: Time,
  liveAt: Time.nullable(),
  retiredAt: Time.nullable(),
});

export const Verification = z.object({
  ok: z.boolean(),
  message: z.string(),
  latencyMs: z.number(),
  completion: z.string().nullable(),
  usage: z.object({ prompt_tokens: z.number(), completion_tokens: z.number(), total_tokens: z.number() }).nullable(),
  revision: z.number(),
  at: Time,
});
