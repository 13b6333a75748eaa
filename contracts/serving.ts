import { z } from 'zod';
import { closed, Environment, Id, IdParams, Name, Page, QueryBoolean, RevisionNumber, Text, Time } from './common.ts';
import { Canary, CanaryPlan } from './canary.ts';
import { Registration, Route, RouteCreate, RoutePatch } from './gateway-routes.ts';
import { ChangePlan } from './change-plan.ts';
import { defineRoutes } from './route.ts';

export const endpointStatuses = ['deploying', 'healthy', 'degraded', 'failed', 'stopped', 'deleting'] as const;
export const EndpointStatus = z.enum(endpointStatuses);
export type EndpointStatus = z.infer<typeof EndpointStatus>;

/** Trimmed, with a leading slash, without a trailing one; the service refuses what cannot be a path. */
export const RoutePath = z.string().trim().min(1).max(200);
export const Quantity = z
  .string()
  .regex(/^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$/, 'Write it as Kubernetes does: 500m, 2, 1Gi.');
export const AutoscalePolicy = closed({
  cpuUtilization: z.number().int().min(1).max(100).optional(),
  memoryUtilization: z.number().int().min(1).max(100).optional(),
  gpuUtilization: z.number().int().min(1).max(100).optional(),
  targetLatencyMs: z.number().int().min(1).optional(),
  metric: z
    .object({
      name: z
        .string()
        .regex(
          /^[A-Za-z_:][A-Za-z0-9_:.-]{0,199}$/,
          'Write it as the metrics API names it: vllm:num_requests_waiting.',
        ),
      target: z
        .string()
        .regex(/^\d{1,9}(\.\d{1,6}|m)?$/, 'Write a number, such as 40, or thousandths of one, such as 500m.'),
      scaleDownDelay: z
        .string()
        .regex(/^(?=\d)(\d{1,4}h)?(\d{1,5}m)?(\d{1,6}s)?$/, 'Write it as a duration: 30s, 3m, 1h30m.')
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

const plan = ChangePlan.describe('Backup plan and maintenance procedure; required for prod.');

const overrides = {
  useGpu: z.boolean().optional(),
  servingRuntimeImage: z.string().trim().min(1).max(500).optional(),
  cpuRequest: Quantity.optional(),
  cpuLimit: Quantity.optional(),
  memoryRequest: Quantity.optional(),
  memoryLimit: Quantity.optional(),
};

export const EndpointDeploy = z.object({
  modelId: Id,
  version: z.string().max(128).optional(),
  environment: Environment,
  route: RoutePath,
  minReplicas: replicas.default(1),
  maxReplicas: replicas.optional(),
  autoscalePolicy: AutoscalePolicy.nullish(),
  promptPolicyId: z.string().max(100).nullish(),
  rollbackPlan: Text.optional(),
  parityNote: Text.optional(),
  change: plan.optional(),
  gpuCount: z.number().int().min(1).max(64).optional(),
  gpuType: z.string().max(100).optional(),
  deploymentMode: z.enum(['raw', 'kserve']).optional(),
  contextLength: z.number().int().min(64).max(10_000_000).optional(),
  args: z.array(z.string().max(2000)).max(100).default([]),
  env: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string().max(4000)).default({}),
  imagePullPolicy: PullPolicy.default('IfNotPresent'),
  probes: Probes.optional(),
  ...overrides,
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

export const Preflight = z.object({
  level: z.enum(['green', 'amber', 'red']),
  checks: z.array(
    z.object({
      name: z.string(),
      level: z.enum(['green', 'amber', 'red']),
      message: z.string(),
      remedy: z.string().nullable(),
    }),
  ),
  memory: z
    .object({
      weightsBytes: z.number(),
      kvCacheBytes: z.number(),
      overheadBytes: z.number(),
      requiredBytes: z.number(),
      freeBytes: z.number().nullable(),
    })
    .nullable(),
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

const Difference = z.object({ path: z.string(), before: z.unknown(), after: z.unknown() });
export const Drift = z.object({
  route: z.string(),
  modelName: z.string(),
  environments: z.object({ from: Environment, to: Environment }),
  endpoints: z.object({ from: Id, to: Id }),
  differences: z.array(Difference),
  parityNote: z.string().nullable(),
  blocked: z.boolean(),
});

const NameParams = z.object({ name: z.string().min(1).max(200) });
const EnvironmentQuery = z.object({ environment: Environment.optional() });

const audited = (action: string, resource = 'endpoint') => ({ action: `${resource}.${action}`, resource });

export const servingRoutes = defineRoutes({
  listEndpoints: {
    method: 'GET',
    path: '/serving/endpoints',
    summary: 'Endpoints, newest first',
    tag: 'serving',
    permission: 'endpoint:read',
    list: true,
    query: Page.extend({
      environment: Environment.optional(),
      modelId: Id.optional(),
      status: EndpointStatus.optional(),
    }),
    data: z.array(Endpoint),
  },
  deployEndpoint: {
    method: 'POST',
    path: '/serving/endpoints',
    summary: 'Deploy an approved model',
    tag: 'serving',
    permission: 'endpoint:deploy',
    body: EndpointDeploy,
    data: Endpoint,
    idempotent: true,
    audit: audited('deploy'),
    failures: [
      'model_not_found',
      'model_not_approved',
      'model_files_missing',
      'model_pickle_not_accepted',
      'model_approval_void',
      'endpoint_route_taken',
      'preflight_red',
      'drift_unexplained',
      'environment_not_allowed',
      'change_plan_missing',
      'change_approval_required',
      'change_outside_window',
    ],
  },
  getEndpoint: {
    method: 'GET',
    path: '/serving/endpoints/{id}',
    summary: 'One endpoint',
    tag: 'serving',
    permission: 'endpoint:read',
    params: IdParams,
    data: Endpoint,
    failures: ['endpoint_not_found'],
  },
  updateEndpoint: {
    method: 'PATCH',
    path: '/serving/endpoints/{id}',
    summary: "Change scaling, prompt policy or an operator's mark",
    tag: 'serving',
    permission: 'endpoint:deploy',
    params: IdParams,
    query: z.object({ status: EndpointStatus.optional() }),
    body: z
      .object({
        autoscalePolicy: AutoscalePolicy.nullish(),
        promptPolicyId: z.string().max(100).nullish(),
        status: EndpointStatus.optional(),
        minReplicas: replicas.optional(),
        maxReplicas: replicas.optional(),
        rollbackPlan: Text.optional(),
      })
      .optional(),
    queryOrBody: true,
    data: Endpoint,
    audit: audited('update'),
    failures: ['endpoint_not_found', 'endpoint_deleting'],
  },
  deleteEndpoint: {
    method: 'DELETE',
    path: '/serving/endpoints/{id}',
    summary: 'Delete the endpoint and what runs for it',
    tag: 'serving',
    permission: 'endpoint:deploy',
    params: IdParams,
    data: z.object({ id: Id, status: z.enum(['deleting', 'deleted']), message: z.string() }),
    audit: audited('delete'),
    failures: ['endpoint_not_found'],
  },
  rollbackEndpoint: {
    method: 'POST',
    path: '/serving/endpoints/{id}/rollback',
    summary: 'Back to the previous revision, or to zero without one',
    tag: 'serving',
    permission: 'endpoint:deploy',
    params: IdParams,
    body: z.object({ revision: RevisionNumber.optional() }).optional(),
    data: Endpoint,
    audit: audited('rollback'),
    failures: ['endpoint_not_found', 'endpoint_deleting', 'revision_not_found'],
  },
  redeployEndpoint: {
    method: 'POST',
    path: '/serving/endpoints/{id}/redeploy',
    summary: 'A new revision with the same or changed configuration',
    tag: 'serving',
    permission: 'endpoint:deploy',
    params: IdParams,
    query: z.object({ ...overrides, useGpu: QueryBoolean.optional() }),
    body: z
      .object({
        ...overrides,
        modelId: Id.optional(),
        contextLength: z.number().int().min(64).optional(),
        gpuCount: z.number().int().min(1).max(64).optional(),
        gpuType: z.string().max(100).optional(),
        imagePullPolicy: PullPolicy.optional(),
        probes: Probes.optional(),
        args: z.array(z.string().max(2000)).max(100).optional(),
        env: z.record(z.string(), z.string()).optional(),
        parityNote: Text.optional(),
        change: plan.optional(),
        canary: CanaryPlan.optional().describe('Shares of the traffic instead of all of it at once.'),
      })
      .optional(),
    queryOrBody: true,
    data: Endpoint,
    audit: audited('redeploy'),
    failures: [
      'canary_without_live',
      'endpoint_not_found',
      'endpoint_deleting',
      'model_not_approved',
      'model_files_missing',
      'drift_unexplained',
      'change_plan_missing',
      'change_approval_required',
      'change_outside_window',
    ],
  },
  getCanary: {
    method: 'GET',
    path: '/serving/endpoints/{id}/canary',
    summary:
      'The revision that gets a share of the traffic, compared with the one that serves; else the last one that did',
    tag: 'serving',
    permission: 'endpoint:read',
    params: IdParams,
    data: Canary.nullable(),
    failures: ['endpoint_not_found'],
  },
  updateCanary: {
    method: 'PATCH',
    path: '/serving/endpoints/{id}/canary',
    summary: 'Change its share (100: all, which ends it), or whether it goes on by itself',
    tag: 'serving',
    permission: 'endpoint:deploy',
    params: IdParams,
    body: z.object({ weight: z.number().min(0).max(100).optional(), automatic: z.boolean().optional() }),
    data: Canary,
    audit: audited('canary'),
    failures: ['endpoint_not_found', 'endpoint_deleting', 'canary_not_open', 'canary_not_ready'],
  },
  abortCanary: {
    method: 'DELETE',
    path: '/serving/endpoints/{id}/canary',
    summary: 'Take it back: all traffic to the revision that serves',
    tag: 'serving',
    permission: 'endpoint:deploy',
    params: IdParams,
    data: Canary,
    audit: audited('canary.abort'),
    failures: ['endpoint_not_found', 'endpoint_deleting', 'canary_not_open'],
  },
  listRevisions: {
    method: 'GET',
    path: '/serving/endpoints/{id}/deployments',
    summary: 'History of revisions, newest first',
    tag: 'serving',
    permission: 'endpoint:read',
    params: IdParams,
    list: true,
    query: Page,
    data: z.array(Revision),
    failures: ['endpoint_not_found'],
  },
  getManifests: {
    method: 'GET',
    path: '/serving/endpoints/{id}/manifests',
    summary: 'What is or would be applied',
    tag: 'serving',
    permission: 'endpoint:read',
    params: IdParams,
    data: z.object({
      runtime: z.string(),
      manifests: z.array(z.record(z.string(), z.unknown())),
      warnings: z.array(z.string()),
    }),
    failures: ['endpoint_not_found'],
  },
  getEndpointLogs: {
    method: 'GET',
    path: '/serving/endpoints/{id}/logs',
    summary: "The engine's last log lines; live as server-sent events",
    tag: 'serving',
    permission: 'endpoint:read',
    params: IdParams,
    query: z.object({
      lines: z.coerce.number().int().min(1).max(2000).default(200),
      revision: z.coerce.number().pipe(RevisionNumber).optional(),
      pod: z.string().max(253).optional().describe('One that fares badly, if there is any, when not given.'),
      container: z.string().max(63).optional(),
      previous: QueryBoolean.optional().describe('Of the instance before the last restart.'),
    }),
    data: z.object({ revision: z.number(), lines: z.array(z.string()) }),
    events: { line: z.object({ text: z.string() }) },
    failures: ['endpoint_not_found', 'revision_not_found', 'pod_not_found', 'pod_log_unavailable'],
  },
  promoteEndpoint: {
    method: 'POST',
    path: '/serving/endpoints/{id}/promote',
    summary: 'The same revision in another environment',
    tag: 'serving',
    permission: 'endpoint:deploy',
    params: IdParams,
    body: z.object({
      environment: Environment,
      parityNote: Text.optional(),
      rollbackPlan: Text.optional(),
      change: plan.optional(),
    }),
    data: Endpoint,
    idempotent: true,
    audit: audited('promote'),
    failures: [
      'endpoint_not_found',
      'endpoint_not_healthy',
      'drift_unexplained',
      'environment_not_allowed',
      'preflight_red',
      'change_plan_missing',
      'change_approval_required',
      'change_outside_window',
    ],
  },
  verifyEndpoint: {
    method: 'POST',
    path: '/serving/endpoints/{id}/verify',
    summary: 'A test completion',
    tag: 'serving',
    permission: 'endpoint:read',
    params: IdParams,
    body: z.object({ prompt: z.string().min(1).max(4000).optional() }).optional(),
    data: Verification,
    failures: ['endpoint_not_found'],
  },
  preflight: {
    method: 'POST',
    path: '/serving/preflight',
    summary: 'Would it fit and start?',
    tag: 'serving',
    permission: 'endpoint:read',
    body: EndpointDeploy.omit({ route: true }).extend({ route: RoutePath.optional() }),
    data: Preflight,
    failures: ['model_not_found'],
  },
  listRuntimes: {
    method: 'GET',
    path: '/serving/runtimes',
    summary: 'Curated runtime images',
    tag: 'serving',
    permission: 'endpoint:read',
    data: z.array(
      z.object({
        image: z.string(),
        runtime: z.string(),
        name: z.string(),
        description: z.string(),
        default: z.boolean(),
        available: z.boolean(),
      }),
    ),
  },
  listDrift: {
    method: 'GET',
    path: '/serving/drift',
    summary: 'Differences of the same route between environments',
    tag: 'serving',
    permission: 'endpoint:read',
    query: z.object({ route: z.string().optional() }),
    data: z.array(Drift),
  },
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
