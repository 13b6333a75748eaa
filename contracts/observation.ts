import { z } from 'zod';
import { Environment, IdParams, RevisionNumber, Time } from './common.ts';
import { defineRoutes } from './route.ts';
import { sentences } from './sentences.ts';

export const PodContainer = z.object({
  name: z.string(),
  image: z.string(),
  init: z.boolean().describe('It runs before the others and ends.'),
  ready: z.boolean(),
  restarts: z.number(),
  state: z.enum(['waiting', 'running', 'ended']),
  reason: z.string().nullable(),
  message: z.string().nullable(),
  exitCode: z.number().nullable(),
  startedAt: Time.nullable(),
  previous: z.boolean().describe('An instance before this one ended, whose log can still be read.'),
});
export const Pod = z.object({
  name: z.string(),
  revision: z.number(),
  phase: z.string().describe('Pending, Running, Succeeded, Failed, Unknown or Terminating.'),
  ready: z.boolean(),
  restarts: z.number(),
  node: z.string().nullable(),
  reason: z.string().nullable().describe('Why it is not ready, in the words of the cluster.'),
  message: z.string().nullable(),
  createdAt: Time,
  containers: z.array(PodContainer),
});
export type Pod = z.infer<typeof Pod>;

export const EndpointEvent = z.object({
  id: z.string().describe('The same for an event that happened again.'),
  type: z.enum(['normal', 'warning']),
  reason: z.string(),
  message: z.string(),
  object: z.object({ kind: z.string(), name: z.string() }),
  revision: z.number().nullable(),
  count: z.number(),
  firstSeen: Time,
  lastSeen: Time,
  source: z.string().describe('Who tells it: llm-ops, or a component of the cluster.'),
});
export type EndpointEvent = z.infer<typeof EndpointEvent>;

const Gpus = z.object({
  capacity: z.number(),
  allocatable: z.number(),
  allocated: z.number().describe('Asked for by pods on it.'),
  ours: z.number().describe('Of those, by pods of this platform.'),
  free: z.number(),
});
export const ClusterNode = z.object({
  name: z.string(),
  ready: z.boolean(),
  schedulable: z.boolean(),
  reason: z.string().nullable().describe('Why it takes no pods.'),
  gpuType: z.string().nullable().describe('Value of the label SERVING_GPU_LABEL, else what the GPU operator wrote.'),
  gpuMemoryBytes: z.number().nullable().describe('Of one GPU.'),
  gpus: Gpus,
  cpu: z.object({ allocatable: z.number(), allocated: z.number() }).describe('Cores.'),
  memory: z.object({ allocatable: z.number(), allocated: z.number() }).describe('Bytes.'),
  pods: z.number(),
  version: z.string().describe('Of its kubelet.'),
  labels: z.record(z.string(), z.string()),
  createdAt: Time,
});
export type ClusterNode = z.infer<typeof ClusterNode>;
export const Operator = z.object({
  name: z.string(),
  state: z
    .enum(['running', 'not-ready', 'definitions', 'missing'])
    .describe('definitions: the cluster knows its kinds, but its controller is not found.'),
  purpose: z.string(),
  installation: z.url().describe('How it is installed, as its makers tell.'),
  definitions: z.array(z.object({ name: z.string(), present: z.boolean(), versions: z.array(z.string()) })),
  controller: z
    .object({ namespace: z.string(), name: z.string(), image: z.string(), ready: z.number(), wanted: z.number() })
    .nullable(),
});
export type Operator = z.infer<typeof Operator>;
export const Cluster = z.object({
  name: z.string(),
  server: z.string(),
  environments: z.array(Environment),
  reachable: z.boolean(),
  lostSince: Time.nullable().describe('Since when what is shown is what was seen last.'),
  version: z.string().nullable(),
  seenAt: Time.nullable(),
  gpuLabel: z.string(),
  problem: z.string().nullable().describe('What cannot be read, and why.'),
  totals: z.object({ nodes: z.number(), ready: z.number(), pods: z.number(), gpus: Gpus }),
  nodes: z.array(ClusterNode),
  operators: z.array(Operator),
  namespaces: z.array(
    z.object({
      environment: Environment,
      name: z.string(),
      exists: z.boolean(),
      quotas: z.array(
        z.object({ name: z.string(), resource: z.string(), hard: z.string(), used: z.string(), share: z.number() }),
      ),
    }),
  ),
});
export type Cluster = z.infer<typeof Cluster>;

export const ManifestDifference = z.object({
  kind: z.string(),
  name: z.string(),
  path: z.string().describe('`spec.template.spec.containers[serving].image`; empty for a whole object.'),
  change: z.enum(['added', 'removed', 'changed']),
  before: z.unknown(),
  after: z.unknown(),
});
export type ManifestDifference = z.infer<typeof ManifestDifference>;

const RevisionParams = IdParams.extend({ revision: z.coerce.number().pipe(RevisionNumber) });
const failures = ['endpoint_not_found', 'revision_not_found'];

export const observationRoutes = defineRoutes({
  listPods: {
    method: 'GET',
    path: '/serving/endpoints/{id}/pods',
    summary: 'What runs for an endpoint, one by one',
    tag: 'serving',
    permission: 'endpoint:read',
    params: IdParams,
    data: z.array(Pod),
    failures: ['endpoint_not_found', 'cluster_unreachable'],
  },
  listEndpointEvents: {
    method: 'GET',
    path: '/serving/endpoints/{id}/events',
    summary: 'What happened to an endpoint and its objects, newest first; live as server-sent events',
    tag: 'serving',
    permission: 'endpoint:read',
    params: IdParams,
    data: z.array(EndpointEvent),
    events: { event: EndpointEvent },
    failures: ['endpoint_not_found', 'cluster_unreachable'],
  },
  getRevisionManifests: {
    method: 'GET',
    path: '/serving/endpoints/{id}/revisions/{revision}/manifests',
    summary: 'What is or would be applied for a revision',
    tag: 'serving',
    permission: 'endpoint:read',
    params: RevisionParams,
    data: z.object({
      runtime: z.string(),
      revision: z.number(),
      manifests: z.array(z.record(z.string(), z.unknown())),
      warnings: z.array(z.string()),
    }),
    failures,
  },
  exportRevisionManifests: {
    method: 'GET',
    path: '/serving/endpoints/{id}/revisions/{revision}/manifests.yaml',
    summary: 'The manifests of a revision as YAML, to keep in Git: without secrets',
    tag: 'serving',
    permission: 'endpoint:read',
    params: RevisionParams,
    answer: 'file',
    failures,
  },
  exportGitops: {
    method: 'GET',
    path: '/serving/endpoints/{id}/revisions/{revision}/gitops.tar.gz',
    summary: 'A folder for Git: manifests, kustomization, examples for Argo CD and Flux; without secrets',
    tag: 'serving',
    permission: 'endpoint:read',
    params: RevisionParams,
    query: z.object({
      repository: z
        .string()
        .max(500)
        .regex(/^(https:\/\/|ssh:\/\/)[A-Za-z0-9][A-Za-z0-9._~:@/-]*$/, sentences.repository)
        .default('https://git.example.com/team/deployments.git')
        .describe('Where Argo CD and Flux find it.'),
      branch: z
        .string()
        .regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$/, sentences.git_branch)
        .default('main'),
      path: z
        .string()
        .max(120)
        .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*(\/[A-Za-z0-9][A-Za-z0-9._-]*)*$/, sentences.folder)
        .optional()
        .describe('Folder in the repository; llm-ops/{environment}/{name} when not given.'),
    }),
    answer: 'file',
    failures: [...failures, 'manifests_not_for_cluster'],
  },
  compareRevisionManifests: {
    method: 'GET',
    path: '/serving/endpoints/{id}/revisions/{revision}/manifests/compare/{other}',
    summary: 'What differs between the manifests of two revisions',
    tag: 'serving',
    permission: 'endpoint:read',
    params: RevisionParams.extend({ other: z.coerce.number().pipe(RevisionNumber) }),
    data: z.object({ from: z.number(), to: z.number(), differences: z.array(ManifestDifference) }),
    failures,
  },
  getLiveDrift: {
    method: 'GET',
    path: '/serving/endpoints/{id}/manifests/drift',
    summary: 'What is wanted of the live revision against what the cluster has',
    tag: 'serving',
    permission: 'endpoint:read',
    params: IdParams,
    data: z.object({
      revision: z.number(),
      supported: z.boolean().describe('Whether this runtime has objects to compare.'),
      checkedAt: Time,
      objects: z.array(
        z.object({
          kind: z.string(),
          name: z.string(),
          state: z.enum(['same', 'differs', 'missing']),
          differences: z.array(
            ManifestDifference.extend({
              by: z.string().nullable().describe('Who wrote it, in the words of the cluster.'),
              at: Time.nullable(),
            }),
          ),
        }),
      ),
    }),
    failures: ['endpoint_not_found'],
  },
  getCluster: {
    method: 'GET',
    path: '/serving/cluster',
    summary: 'Clusters that serve: nodes, GPUs, operators, quotas; none without a cluster',
    tag: 'serving',
    permission: 'endpoint:read',
    data: z.array(Cluster),
  },
});
