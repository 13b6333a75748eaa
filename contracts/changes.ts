import { z } from 'zod';
import { ChangePlan, ChangeStatus } from './change-plan.ts';
import { Environment, environments, Id, IdParams, Page, Said, Text, Time } from './common.ts';
import { EndpointDeploy, EndpointPromote, EndpointRedeploy } from './endpoints.ts';
import { ManifestDifference } from './observation.ts';
import { ModelParams, OrganizationModelCreate, OrganizationModelUpdate } from './organization.ts';
import { Preflight } from './preflight.ts';
import { defineRoutes } from './route.ts';

export const changeKinds = ['deploy', 'redeploy', 'promote'] as const;

/**
 * A deployment, redeployment or promotion as it would be asked for directly; of a model of an organization in document 004's words, where it
 * is a deployment or redeployment of its endpoint.
 */
export const ChangeRequest = z.discriminatedUnion('kind', [
  EndpointDeploy.extend({ kind: z.literal('deploy') }),
  EndpointRedeploy.extend({ kind: z.literal('redeploy'), endpointId: Id }),
  EndpointPromote.extend({ kind: z.literal('promote'), endpointId: Id }),
  OrganizationModelCreate.extend({ kind: z.literal('create-model') }),
  OrganizationModelUpdate.extend({ kind: z.literal('update-model'), ...ModelParams.shape }),
]);
export type ChangeRequest = z.infer<typeof ChangeRequest>;

const byEnvironment = z.object({ dev: z.unknown(), stg: z.unknown(), prod: z.unknown() });
export const topologyGroups = [
  'model',
  'runtime',
  'resources',
  'scaling',
  'probes',
  'storage',
  'network',
  'cluster',
] as const;
export const Topology = z.object({
  environments: z
    .array(
      z.object({
        environment: Environment,
        endpointId: Id.nullable().describe('None of this name or model there: null.'),
        revision: z.number().nullable(),
      }),
    )
    .length(environments.length),
  target: Environment,
  isNew: z.boolean().describe('Nothing is there yet that this would change.'),
  rows: z.array(
    z.object({
      group: z.enum(topologyGroups),
      field: z.string(),
      values: byEnvironment.describe('As it is now; null: nothing, or not known.'),
      wanted: z.unknown().describe('In the environment of the change, after it.'),
      differs: z.boolean().describe('The environments would not be the same in it.'),
      changes: z.boolean().describe('The change alters it.'),
    }),
  ),
});
export type Topology = z.infer<typeof Topology>;

const EnvironmentDifference = z.object({
  path: z.string(),
  environment: Environment,
  before: z.unknown(),
  after: z.unknown(),
});
/** What was found when the change was submitted, as the approver reads it. */
const examined = {
  topology: Topology,
  differences: z.array(EnvironmentDifference).describe('What a parity note must explain.'),
  preflight: Preflight.nullable(),
  manifests: z
    .array(ManifestDifference)
    .nullable()
    .describe('Against what runs there now; null where the runtime has none to compare.'),
};
export const Change = z.object({
  id: Id,
  kind: z.enum(changeKinds),
  status: ChangeStatus,
  version: z.number().describe('Counts from 1; each amendment is to be approved anew.'),
  environment: Environment,
  route: z.string(),
  team: z.string(),
  modelId: Id,
  modelName: z.string(),
  modelVersion: z.string(),
  artifactDigest: z.string().nullable(),
  endpointId: Id.nullable().describe('That gets the revision; null as long as it is not there.'),
  sourceEndpointId: Id.nullable().describe('Whose revision is promoted.'),
  revision: z.number().nullable().describe('Which it became; null before it is applied.'),
  parityNote: z.string().nullable(),
  rollbackPlan: z.string(),
  plan: ChangePlan.nullable(),
  submittedBy: z.string(),
  submittedAt: Time,
  decidedBy: z.string().nullable(),
  decidedAt: Time.nullable(),
  notes: z.string().nullable(),
  appliedBy: z.string().nullable(),
  appliedAt: Time.nullable(),
});
export type Change = z.infer<typeof Change>;
export const ChangeReview = Change.extend({
  ...examined,
  mayApprove: z.boolean().describe('Whether this caller may decide about it now.'),
  mayApply: z.boolean(),
});
export type ChangeReview = z.infer<typeof ChangeReview>;

const audited = (action: string) => ({ action: `change.${action}`, resource: 'change' });
const notFound = ['change_not_found'];
const refused = [
  'endpoint_not_found',
  'endpoint_not_healthy',
  'endpoint_deleting',
  'endpoint_route_taken',
  'model_not_found',
  'model_not_approved',
  'model_files_missing',
  'model_approval_void',
  'drift_unexplained',
  'preflight_red',
  'environment_not_allowed',
  'organization_model_unavailable',
  'organization_model_not_found',
  'organization_model_not_approved',
  'organization_model_name_taken',
  'organization_model_operator_missing',
  'organization_model_resources_insufficient',
];

export const changeRoutes = defineRoutes({
  previewChange: {
    method: 'POST',
    path: '/serving/changes/preview',
    summary: 'What a change would alter, what it needs, and a plan to begin with; changes nothing',
    tag: 'serving',
    permission: 'endpoint:deploy',
    body: ChangeRequest,
    data: z.object({
      ...examined,
      plan: ChangePlan.describe('Written from what is known; read and correct it.'),
      planSaid: z.object({ backup: Said, maintenance: Said }).describe('To write the plan in another language.'),
      planRequired: z.boolean(),
      approvalRequired: z.boolean().describe('It must be submitted, and approved by somebody else.'),
    }),
    failures: refused,
  },
  listChanges: {
    method: 'GET',
    path: '/serving/changes',
    summary: 'Changes of endpoints, newest first',
    tag: 'serving',
    permission: 'endpoint:read',
    list: true,
    query: Page.extend({
      status: ChangeStatus.optional(),
      environment: Environment.optional(),
      endpointId: Id.optional(),
    }),
    data: z.array(Change),
  },
  submitChange: {
    method: 'POST',
    path: '/serving/changes',
    summary: 'Ask for the approval of a deployment, redeployment or promotion',
    tag: 'serving',
    permission: 'endpoint:deploy',
    body: ChangeRequest,
    data: ChangeReview,
    idempotent: true,
    audit: audited('submit'),
    failures: [...refused, 'change_plan_missing'],
  },
  getChange: {
    method: 'GET',
    path: '/serving/changes/{id}',
    summary: 'A change with all that its approver must know: topology, parity, plans, preflight, manifests',
    tag: 'serving',
    permission: 'endpoint:read',
    params: IdParams,
    data: ChangeReview,
    failures: notFound,
  },
  amendChange: {
    method: 'PATCH',
    path: '/serving/changes/{id}',
    summary: 'Correct the plans of a change that is not applied, or look anew; it must be approved anew',
    tag: 'serving',
    permission: 'endpoint:deploy',
    params: IdParams,
    body: z.object({
      change: ChangePlan.optional(),
      parityNote: Text.optional(),
      rollbackPlan: Text.optional(),
    }),
    data: ChangeReview,
    audit: audited('amend'),
    failures: [...notFound, ...refused, 'change_closed', 'change_plan_missing'],
  },
  decideChange: {
    method: 'POST',
    path: '/serving/changes/{id}/decide',
    summary: 'Approve, reject or ask for changes',
    tag: 'serving',
    permission: 'endpoint:approve',
    params: IdParams,
    body: z.object({
      decision: z.enum(['approve', 'reject', 'request_changes']),
      version: z.number().int().min(1).describe('Which version was read.'),
      notes: Text.optional(),
    }),
    data: ChangeReview,
    audit: audited('decide'),
    failures: [...notFound, 'change_closed', 'change_amended', 'change_four_eyes'],
  },
  applyChange: {
    method: 'POST',
    path: '/serving/changes/{id}/apply',
    summary: 'Carry out an approved change within its maintenance window',
    tag: 'serving',
    permission: 'endpoint:deploy',
    params: IdParams,
    data: ChangeReview,
    audit: audited('apply'),
    failures: [
      ...notFound,
      ...refused,
      'change_closed',
      'change_not_approved',
      'change_outdated',
      'change_outside_window',
    ],
  },
  withdrawChange: {
    method: 'DELETE',
    path: '/serving/changes/{id}',
    summary: 'Take back a change that is not applied; it stays readable',
    tag: 'serving',
    permission: 'endpoint:deploy',
    params: IdParams,
    data: Change,
    audit: audited('withdraw'),
    failures: [...notFound, 'change_closed'],
  },
});
