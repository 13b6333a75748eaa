import { z } from 'zod';
import { ChangePlan, ChangeStatus } from './change-plan.ts';
import { HubId, Id, Name, Said, TeamName, Text, Time } from './common.ts';
import { Condition, Quantity } from './endpoints.ts';
import { defineRoutes } from './route.ts';
import { sentences } from './sentences.ts';

/** Also of Kubernetes objects, with room for what is added to it. */
export const OrganizationModelName = z
  .string()
  .regex(/^[a-z]([-a-z0-9]{0,46}[a-z0-9])?$/, sentences.model_name)
  .refine((name) => name !== 'all' && name !== 'status', sentences.name_taken_by_address);
const Bytes = z.string().regex(/^[0-9]+(\.[0-9]+)?(k|Ki|M|Mi|G|Gi|T|Ti)?$/, sentences.memory);
const Gpus = z.number().int().min(0).max(64);
const Duration = z.string().regex(/^(?=\d)(\d{1,4}h)?(\d{1,5}m)?(\d{1,6}s)?$/, sentences.duration);
const VariableName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, sentences.variable);

/** What it was asked to have; what it says nothing about has a default. */
export const ModelRequirements = z.object({
  cpu: Quantity.optional().describe('2000m when not given.'),
  memory: Bytes.optional().describe('16Gi when not given.'),
  gpu: z
    .object({
      min_vram: Bytes.optional().describe(
        'Of each GPU. A card sold with so much counts, though it shows a little less.',
      ),
      min_gpus: Gpus.optional(),
      max_gpus: Gpus.optional(),
    })
    .optional(),
});
/** null takes back what was asked for. */
const ChangedRequirements = z.object({
  cpu: Quantity.nullish(),
  memory: Bytes.nullish(),
  gpu: z.object({ min_vram: Bytes.nullish(), min_gpus: Gpus.nullish(), max_gpus: Gpus.nullish() }).optional(),
});
const deployment = {
  image: z.string().trim().min(1).max(500).optional().describe('MODELS_IMAGE when not given.'),
  image_pull_policy: z.enum(['IfNotPresent', 'Always', 'Never']).optional(),
  args: z.array(z.string().max(2000)).max(100).optional().describe("Further arguments of the image's server."),
  gpu_count: Gpus.optional().describe('min_gpus, else 1, when not given; 0: no GPU.'),
  enable_autoscaling: z.boolean().optional().describe('true when not given.'),
  enable_pvc: z.boolean().optional().describe('Keeps what is downloaded on a volume; false when not given.'),
  storage_class: z.string().trim().max(253).optional().describe("The platform's, else the cluster's, when not given."),
  extra_env: z
    .array(z.object({ name: VariableName, value: z.string().max(4000) }))
    .max(100)
    .optional(),
};
const replicas = z.number().int().min(1).max(100);
const autoscaling = {
  min_replicas: replicas.optional().describe('1 when not given.'),
  max_replicas: replicas.optional().describe('8 when not given; without autoscaling it is min_replicas.'),
  target_metric: z
    .string()
    .regex(/^[A-Za-z_:][A-Za-z0-9_:]{0,199}$/, sentences.metric_name)
    .optional()
    .describe('num_requests_running when not given.'),
  target_value: z
    .union([z.string(), z.number().transform(String)])
    .pipe(z.string().regex(/^\d{1,9}(\.\d{1,6})?$/, sentences.number))
    .optional()
    .describe('40 when not given.'),
  scale_down_delay: Duration.optional().describe('3m when not given.'),
};
const token = z
  .string()
  .regex(/^[\x21-\x7e]{1,500}$/, sentences.hub_token)
  .nullish()
  .describe('Kept as a secret and never shown; null takes it away.');
const modelType = z.enum(['completion', 'chat']);
/** What a change of prod is asked for beside, as of endpoints. */
const explained = {
  change: ChangePlan.optional().describe('For prod, as of endpoints; without it the proposed one is taken.'),
  rollbackPlan: Text.optional().describe('How it will be taken back; without it: to the revision before.'),
  parityNote: Text.optional().describe('Why it differs from the environment before.'),
};

export const OrganizationModelCreate = z.object({
  name: OrganizationModelName,
  display_name: Name.optional(),
  description: Text.optional(),
  model_type: modelType.default('completion'),
  huggingface_id: HubId,
  organization: TeamName.optional().describe("One of the token's organizations (teams); its first when not given."),
  requirements: ModelRequirements.default({}),
  deployment_config: z.object({ ...deployment, hugging_face_token: token }).default({}),
  autoscaling_config: z.object(autoscaling).default({}),
  ...explained,
});
export type OrganizationModelCreate = z.infer<typeof OrganizationModelCreate>;

/** What is not given stays as it is. */
export const OrganizationModelUpdate = z.object({
  name: OrganizationModelName.optional().describe('Cannot be changed.'),
  display_name: Name.optional(),
  description: Text.optional(),
  model_type: modelType.optional(),
  huggingface_id: HubId.optional().describe('Cannot be changed.'),
  requirements: ChangedRequirements.optional(),
  deployment_config: z.object({ ...deployment, hugging_face_token: token }).optional(),
  autoscaling_config: z.object(autoscaling).optional(),
  ...explained,
});
export type OrganizationModelUpdate = z.infer<typeof OrganizationModelUpdate>;

export const organizationModelStatuses = ['creating', 'running', 'degraded', 'failed', 'stopped', 'deleting'] as const;
const ModelStatusWord = z.enum(organizationModelStatuses);
const Counted = z.object({ total: z.number(), ready: z.number(), available: z.number() });

export const OrganizationModel = z.object({
  id: Id.describe(
    'Of its endpoint: the same one under /llm-ops/v1/serving/endpoints. Of one that waits, of its change: its endpoint will have it.',
  ),
  name: z.string(),
  display_name: z.string(),
  description: z.string(),
  model_type: modelType,
  huggingface_id: z.string(),
  organization: z.string(),
  managed: z.literal(true),
  status: ModelStatusWord.describe('creating also while a new model waits for approval: see `change_request`.'),
  conditions: z.array(Condition),
  replicas: Counted,
  requirements: ModelRequirements,
  deployment_config: z.object({
    image: z.string(),
    image_pull_policy: z.string(),
    args: z.array(z.string()),
    gpu_count: z.number(),
    enable_autoscaling: z.boolean(),
    enable_pvc: z.boolean(),
    storage_class: z.string().nullable(),
    has_hugging_face_token: z.boolean(),
    extra_env: z.array(z.object({ name: z.string(), value: z.string() })),
  }),
  autoscaling_config: z.object({
    min_replicas: z.number(),
    max_replicas: z.number(),
    target_metric: z.string(),
    target_value: z.string(),
    scale_down_delay: z.string(),
  }),
  namespace: z.string(),
  deployment_name: z.string(),
  service_name: z.string(),
  endpoint_url: z.string().describe('Within the cluster; everybody else asks the gateway for the model by its name.'),
  environment: z.string(),
  model_id: Id.describe('Of its entry in the catalog.'),
  change_request: z
    .object({ id: Id, status: ChangeStatus })
    .nullable()
    .describe('That is not carried out yet: see GET /llm-ops/v1/serving/changes/{id}; null: there is none.'),
  created_at: Time,
  updated_at: Time,
});
export type OrganizationModel = z.infer<typeof OrganizationModel>;

/** A model that runs on the cluster and that somebody else put there. */
export const UnmanagedModel = z.object({
  name: z.string(),
  namespace: z.string(),
  managed: z.literal(false),
  status: ModelStatusWord,
  image: z.string().nullable(),
  replicas: Counted,
  created_at: Time,
});
export type UnmanagedModel = z.infer<typeof UnmanagedModel>;

export const ClusterReadiness = z.object({
  organization: z.string().nullable(),
  ready: z.boolean().describe('Whether a model can be deployed.'),
  problems: z.array(z.object({ code: z.string(), message: z.string(), remedy: z.string(), said: Said })),
  cluster: z.object({
    version: z.string(),
    namespace: z.string(),
    environment: z.string(),
    total_nodes: z.number(),
    total_gpus: z.number(),
    free_gpus: z.number(),
  }),
  operators: z.array(
    z.object({
      name: z.enum(['aibrix', 'gpu-operator', 'kuberay', 'envoy-gateway', 'prometheus-operator']),
      crd: z.string(),
      required: z.boolean(),
      installed: z.boolean(),
    }),
  ),
  gpu_nodes: z.array(
    z.object({
      node_name: z.string(),
      gpu_type: z.string().nullable(),
      gpu_count: z.number(),
      free_gpus: z.number(),
      vram: z.string().nullable().describe('Of one GPU.'),
    }),
  ),
  storage_classes: z.array(
    z.object({
      name: z.string(),
      provisioner: z.string(),
      default: z.boolean(),
      shared: z.boolean().nullable().describe('Whether several replicas can share a volume; null: not known.'),
    }),
  ),
  quota: z.object({
    models: z.object({ used: z.number(), limit: z.number().nullable() }),
    gpus: z.object({ used: z.number(), limit: z.number().nullable() }),
  }),
});
export type ClusterReadiness = z.infer<typeof ClusterReadiness>;

const face = { tag: 'organization models', base: '/v1', answer: 'plain' } as const;
export const ModelParams = z.object({ id: z.string().min(1).max(100).describe('Id or name.') });
const outside = ['organization_model_unavailable', 'cluster_unreachable', 'cluster_forbidden'];
const deploying = [
  ...outside,
  'organization_model_operator_missing',
  'organization_model_resources_insufficient',
  'environment_not_allowed',
  'organization_model_not_approved',
  'change_outside_window',
  'drift_unexplained',
];
const audited = (action: string) => ({ action: `organization-model.${action}`, resource: 'endpoint' });

/** Models of an organization on a cluster with AIBrix (document 004). Without an envelope; a failure is `{error}`. */
export const organizationRoutes = defineRoutes({
  getModelCluster: {
    ...face,
    method: 'GET',
    path: '/organization/models/status',
    summary: 'What the cluster has for models: operators, GPUs, storage, quota',
    permission: 'endpoint:read',
    data: ClusterReadiness,
    failures: outside,
  },
  listAllOrganizationModels: {
    ...face,
    method: 'GET',
    path: '/organization/models/all',
    summary: 'Models of the organization, and those on the cluster that nobody here manages',
    permission: 'endpoint:read',
    data: z.object({
      models: z.array(z.discriminatedUnion('managed', [OrganizationModel, UnmanagedModel])),
      total: z.number(),
    }),
    failures: outside,
  },
  listOrganizationModels: {
    ...face,
    method: 'GET',
    path: '/organization/models',
    summary: 'Models of the organization, newest first',
    permission: 'endpoint:read',
    data: z.object({ models: z.array(OrganizationModel), total: z.number() }),
    failures: outside,
  },
  createOrganizationModel: {
    ...face,
    method: 'POST',
    path: '/organization/models',
    summary: 'Deploy a model of Hugging Face; where prod needs an approval, submit it for one',
    permission: 'endpoint:deploy',
    body: OrganizationModelCreate,
    data: z.object({ model: OrganizationModel }),
    idempotent: true,
    audit: audited('create'),
    failures: [...deploying, 'organization_model_name_taken'],
  },
  getOrganizationModel: {
    ...face,
    method: 'GET',
    path: '/organization/models/{id}',
    summary: 'One model',
    permission: 'endpoint:read',
    params: ModelParams,
    data: z.object({ model: OrganizationModel }),
    failures: [...outside, 'organization_model_not_found'],
  },
  updateOrganizationModel: {
    ...face,
    method: 'PUT',
    path: '/organization/models/{id}',
    summary:
      'Change what it asks for, how it scales or what it is called; where prod needs an approval, submit it for one',
    permission: 'endpoint:deploy',
    params: ModelParams,
    body: OrganizationModelUpdate,
    data: z.object({ model: OrganizationModel }),
    audit: audited('update'),
    failures: [...deploying, 'organization_model_not_found', 'organization_model_waiting', 'endpoint_deleting'],
  },
  deleteOrganizationModel: {
    ...face,
    method: 'DELETE',
    path: '/organization/models/{id}',
    summary: 'Delete a model and all that runs for it, or take back one that waits for approval',
    permission: 'endpoint:deploy',
    params: ModelParams,
    data: z.object({ id: Id, name: z.string(), status: z.literal('deleting'), message: z.string() }),
    audit: audited('delete'),
    failures: ['organization_model_unavailable', 'organization_model_not_found', 'environment_not_allowed'],
  },
});
