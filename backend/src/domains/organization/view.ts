import type { Change, ClusterReadiness, OrganizationModel, UnmanagedModel } from '@llm-ops/contracts';
import type { DeskSpec, Served } from '#domains/serving';
import type { Said } from '#platform/words';
import type { ForeignModel, ModelClusterStatus } from '#ports/models';
import { wishNow, type ModelsSettings } from './rules.ts';
import { words as sentences } from './sentences.ts';
import type { ModelRow } from './store.ts';

const words: Record<Served['endpoint']['status'], OrganizationModel['status']> = {
  deploying: 'creating',
  healthy: 'running',
  degraded: 'degraded',
  failed: 'failed',
  stopped: 'stopped',
  deleting: 'deleting',
};

/** What is shown of an endpoint, also of one that is not there yet. */
export type Shown = Pick<Served, 'autoscale' | 'manifests'> & {
  spec: DeskSpec | Served['spec'];
  endpoint: Pick<
    Served['endpoint'],
    | 'id'
    | 'modelId'
    | 'modelName'
    | 'environment'
    | 'team'
    | 'status'
    | 'conditions'
    | 'replicas'
    | 'minReplicas'
    | 'maxReplicas'
    | 'createdAt'
    | 'updatedAt'
  >;
};

/** `row` is missing of one that came from another environment. `change`: of it, not carried out yet. */
export function modelView(
  served: Shown,
  row: Omit<ModelRow, 'endpoint_id'> | undefined,
  change?: Change | null,
): OrganizationModel {
  const { endpoint, spec, manifests } = served;
  const { deployment, autoscaling } = wishNow(served, row);
  const placed = manifests.find(({ kind }) => kind === 'Deployment') as
    | { metadata: { name: string; namespace: string } }
    | undefined;
  const name = spec.aibrix?.name ?? endpoint.modelName;
  const namespace = placed?.metadata.namespace ?? '';
  const updated = row === undefined ? endpoint.updatedAt : later(row.updated_at.toISOString(), endpoint.updatedAt);
  return {
    id: endpoint.id,
    name,
    display_name: row?.display_name ?? name,
    description: row?.description ?? '',
    model_type: row?.model_type ?? 'completion',
    huggingface_id: row?.huggingface_id ?? endpoint.modelName,
    organization: endpoint.team,
    managed: true,
    status: words[endpoint.status],
    conditions: change ? [conditionOf(change), ...endpoint.conditions] : endpoint.conditions,
    replicas: endpoint.replicas,
    requirements: row?.requirements ?? {},
    deployment_config: {
      image: spec.image,
      image_pull_policy: spec.imagePullPolicy,
      args: spec.args,
      gpu_count: spec.gpuCount,
      enable_autoscaling: deployment.enable_autoscaling === true,
      enable_pvc: deployment.enable_pvc === true,
      storage_class: deployment.storage_class ?? null,
      has_hugging_face_token: typeof spec.aibrix?.token === 'number',
      extra_env: deployment.extra_env ?? [],
    },
    autoscaling_config: {
      min_replicas: endpoint.minReplicas,
      max_replicas: endpoint.maxReplicas,
      target_metric: autoscaling.target_metric ?? '',
      target_value: autoscaling.target_value ?? '',
      scale_down_delay: autoscaling.scale_down_delay ?? '',
    },
    namespace,
    deployment_name: placed?.metadata.name ?? '',
    service_name: name,
    endpoint_url: `http://${name}.${namespace}.svc.cluster.local:8000`,
    environment: endpoint.environment,
    model_id: endpoint.modelId,
    change_request: change ? { id: change.id, status: change.status } : null,
    created_at: endpoint.createdAt,
    updated_at: updated,
  };
}

/** What a change waits for. */
function conditionOf(change: Change): OrganizationModel['conditions'][number] {
  const { id, submittedBy: by, submittedAt, decidedBy, decidedAt } = change;
  const about = { type: 'Approval', since: decidedAt ?? submittedAt };
  if (change.status === 'approved')
    return { ...about, reason: 'Approved', ...sentences.tell('approved', { by: decidedBy ?? '', change: id }) };
  if (change.status === 'changes_requested')
    return {
      ...about,
      reason: 'ChangesRequested',
      ...sentences.tell('corrected', { by: decidedBy ?? '', change: id }),
    };
  if (change.status === 'rejected') {
    const told = { by: decidedBy ?? '', change: id, notes: change.notes ?? '—' };
    return { ...about, reason: 'Rejected', ...sentences.tell('rejected', told) };
  }
  return { ...about, reason: 'WaitingForApproval', ...sentences.tell('waiting', { by, change: id }) };
}

const later = (a: string, b: string) => (a > b ? a : b);

export function unmanagedView(found: ForeignModel): UnmanagedModel {
  const { name, namespace, image, replicas, readyReplicas, createdAt } = found;
  const status =
    replicas === 0 ? 'stopped' : readyReplicas === 0 ? 'creating' : readyReplicas < replicas ? 'degraded' : 'running';
  return {
    name,
    namespace,
    managed: false,
    status,
    image,
    replicas: { total: replicas, ready: readyReplicas, available: readyReplicas },
    created_at: createdAt,
  };
}

const gibibytes = (amount: number) => `${Math.round((amount / 1024 ** 3) * 10) / 10}Gi`;

export function readinessView(
  organization: string | null,
  seen: ModelClusterStatus,
  used: { endpoints: number; gpus: number },
  settings: ModelsSettings,
): ClusterReadiness {
  const total = (pick: (node: ModelClusterStatus['gpuNodes'][number]) => number) =>
    seen.gpuNodes.reduce((sum, node) => sum + pick(node), 0);
  const problems = problemsOf(seen);
  return {
    organization,
    ready: problems.every(({ blocks }) => !blocks),
    problems: problems.map(({ code, message, remedy, said }) => ({ code, message, remedy, said })),
    cluster: {
      version: seen.version,
      namespace: seen.namespace,
      environment: settings.environment,
      total_nodes: seen.nodes,
      total_gpus: total(({ gpus }) => gpus),
      free_gpus: total(({ freeGpus }) => freeGpus),
    },
    operators: seen.operators,
    gpu_nodes: seen.gpuNodes.map(({ name, gpuType, gpus, freeGpus, vramBytes }) => ({
      node_name: name,
      gpu_type: gpuType,
      gpu_count: gpus,
      free_gpus: freeGpus,
      vram: vramBytes === null ? null : gibibytes(vramBytes),
    })),
    storage_classes: seen.storageClasses,
    quota: {
      models: { used: used.endpoints, limit: settings.quota.models },
      gpus: { used: used.gpus, limit: settings.quota.gpus },
    },
  };
}

interface Problem {
  code: string;
  message: string;
  remedy: string;
  said: Said;
  /** nothing can be deployed */
  blocks: boolean;
}

function problemsOf(seen: ModelClusterStatus): Problem[] {
  const operators = seen.operators
    .filter(({ installed }) => !installed)
    .map(({ name, crd, required }) => ({
      code: `${name}-missing`,
      ...sentences.tell(required ? 'operator_required' : 'operator', {
        name,
        crd,
        without: sentences.line(`without_${name}`),
      }),
      blocks: required,
    }));
  const noGpus = {
    code: 'gpu-nodes-missing',
    ...sentences.tell('no_gpus'),
    blocks: false,
  };
  return [...operators, ...(seen.gpuNodes.length === 0 ? [noGpus] : [])];
}
