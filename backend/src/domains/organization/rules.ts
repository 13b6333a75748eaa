import type { Environment, OrganizationModelCreate, OrganizationModelUpdate } from '@llm-ops/contracts';
import type { DeskSpec, Scale } from '#domains/serving';
import type { Issue } from '#platform/errors';
import type { ModelRow, Requirements } from './store.ts';
import type { Shown } from './view.ts';
import { words } from './sentences.ts';

export interface ModelsSettings {
  environment: Environment;
  /** of the cluster, where they run */
  namespace: string;
  /** of models that name none */
  image: string;
  storageClass: string | null;
  storageSize: string;
  /** of one organization; null: any number */
  quota: { models: number | null; gpus: number | null };
}

type Deployment = Omit<OrganizationModelCreate['deployment_config'], 'hugging_face_token'>;
type Autoscaling = OrganizationModelCreate['autoscaling_config'];

/** What is wanted of a model, as its body says it. */
export interface Wish {
  requirements: Requirements;
  deployment: Deployment;
  autoscaling: Autoscaling;
  /** the volume that it has; null: one as the settings say, where it wants one */
  storage: { className: string | null; size: string; shared: boolean } | null;
  /** of Hugging Face: how many were given so far; null: there is none */
  token: number | null;
}

export interface Resolved {
  spec: DeskSpec;
  scale: Scale;
  issues: Issue[];
}

const units: Record<string, number> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};
const bytes = (text: string): number => {
  const [, amount = '0', unit = ''] = /^([0-9.]+)([A-Za-z]*)$/.exec(text) ?? [];
  return Number(amount) * units[unit]!;
};

const defaults = { cpu: '2000m', memory: '16Gi', max: 8, metric: 'num_requests_running', target: '40', delay: '3m' };

export const wishOf = (
  body: Pick<OrganizationModelCreate, 'requirements' | 'deployment_config' | 'autoscaling_config'>,
): Wish => ({
  requirements: body.requirements,
  deployment: body.deployment_config,
  autoscaling: body.autoscaling_config,
  storage: null,
  token: typeof body.deployment_config.hugging_face_token === 'string' ? 1 : null,
});

/** What a wish means: the specification of a revision and its scale, with every field that cannot be. Pure. */
export function resolve(name: string, wish: Wish, settings: ModelsSettings): Resolved {
  const { requirements, deployment, autoscaling } = wish;
  const gpu = requirements.gpu ?? {};
  const gpuCount = deployment.gpu_count ?? gpu.min_gpus ?? 1;
  const scales = deployment.enable_autoscaling ?? true;
  const minReplicas = autoscaling.min_replicas ?? 1;
  const maxReplicas = autoscaling.max_replicas ?? (scales ? Math.max(defaults.max, minReplicas) : minReplicas);
  const cpu = requirements.cpu ?? defaults.cpu;
  const memory = requirements.memory ?? defaults.memory;
  return {
    issues: faultsOf({ gpu, gpuCount, scales, minReplicas, maxReplicas }),
    scale: {
      minReplicas,
      maxReplicas,
      autoscale: scales
        ? {
            metric: {
              name: autoscaling.target_metric ?? defaults.metric,
              target: autoscaling.target_value ?? defaults.target,
              scaleDownDelay: autoscaling.scale_down_delay ?? defaults.delay,
            },
          }
        : null,
    },
    spec: {
      image: deployment.image ?? settings.image,
      useGpu: gpuCount > 0,
      gpuCount,
      resources: { cpuRequest: cpu, cpuLimit: cpu, memoryRequest: memory, memoryLimit: memory },
      args: deployment.args ?? [],
      env: Object.fromEntries((deployment.extra_env ?? []).map((one) => [one.name, one.value])),
      imagePullPolicy: deployment.image_pull_policy ?? 'IfNotPresent',
      aibrix: {
        name,
        storage:
          deployment.enable_pvc === true
            ? {
                className: wish.storage ? wish.storage.className : deployment.storage_class || settings.storageClass,
                size: wish.storage?.size ?? settings.storageSize,
                // one that is shared already serves a single replica as well
                shared: maxReplicas > 1 || wish.storage?.shared === true,
              }
            : null,
        minVramBytes: gpu.min_vram === undefined || gpuCount === 0 ? null : bytes(gpu.min_vram),
        token: wish.token,
      },
    },
  };
}

function faultsOf(asked: {
  gpu: NonNullable<Requirements['gpu']>;
  gpuCount: number;
  scales: boolean;
  minReplicas: number;
  maxReplicas: number;
}): Issue[] {
  const { gpu, gpuCount, scales, minReplicas, maxReplicas } = asked;
  const least = gpu.min_gpus ?? 0;
  const most = gpu.max_gpus ?? Infinity;
  const issues: Issue[] = [];
  if (least > most) issues.push({ path: 'requirements.gpu.min_gpus', ...words.tell('gpus_range', { least, most }) });
  else if (gpuCount < least || gpuCount > most)
    issues.push({
      path: 'deployment_config.gpu_count',
      ...(gpuCount < least
        ? words.tell('gpus_below', { count: gpuCount, least })
        : words.tell('gpus_above', { count: gpuCount, most })),
    });
  if (minReplicas > maxReplicas)
    issues.push({
      path: 'autoscaling_config.min_replicas',
      ...words.tell('replicas_range', { least: minReplicas, most: maxReplicas }),
    });
  else if (!scales && minReplicas !== maxReplicas)
    issues.push({
      path: 'autoscaling_config.max_replicas',
      ...words.tell('replicas_fixed', { least: minReplicas }),
    });
  return issues;
}

/** What is wanted of a model now. */
export function wishNow({ endpoint, spec, autoscale }: Shown, row: Pick<ModelRow, 'requirements'> | undefined): Wish {
  const storage = spec.aibrix?.storage ?? null;
  const metric = autoscale?.metric;
  return {
    requirements: row?.requirements ?? {},
    token: spec.aibrix?.token ?? null,
    storage,
    deployment: {
      image: spec.image,
      image_pull_policy: spec.imagePullPolicy,
      args: spec.args,
      gpu_count: spec.gpuCount,
      enable_autoscaling: autoscale !== null,
      enable_pvc: storage !== null,
      ...(storage?.className ? { storage_class: storage.className } : {}),
      extra_env: Object.entries(spec.env).map(([name, value]) => ({ name, value })),
    },
    autoscaling: {
      min_replicas: endpoint.minReplicas,
      max_replicas: endpoint.maxReplicas,
      ...(metric === undefined
        ? {}
        : {
            target_metric: metric.name,
            target_value: metric.target,
            ...(metric.scaleDownDelay === undefined ? {} : { scale_down_delay: metric.scaleDownDelay }),
          }),
    },
  };
}

/** What is wanted after an update: what it does not name stays. Pure. */
export function changed(now: Wish, update: OrganizationModelUpdate): Wish {
  const { hugging_face_token: token, ...deployment } = update.deployment_config ?? {};
  const autoscaling = { ...now.autoscaling, ...given(update.autoscaling_config) };
  const scales = deployment.enable_autoscaling ?? now.deployment.enable_autoscaling;
  // without autoscaling the most is the least, unless the update says otherwise, which is then refused
  if (scales === false && update.autoscaling_config?.max_replicas === undefined) delete autoscaling.max_replicas;
  const asked = update.requirements ?? {};
  return {
    requirements: kept({
      ...now.requirements,
      ...given(asked),
      ...(asked.gpu === undefined ? {} : { gpu: kept({ ...now.requirements.gpu, ...given(asked.gpu) }) }),
    }) as Requirements,
    deployment: { ...now.deployment, ...given(deployment) },
    autoscaling,
    storage: deployment.storage_class === undefined ? now.storage : null,
    token: token === undefined ? now.token : token === null ? null : (now.token ?? 0) + 1,
  };
}

/** Without what was taken back. */
const kept = (part: object): object => Object.fromEntries(Object.entries(part).filter(([, value]) => value !== null));

function given<T extends object>(part: T | undefined): Partial<T> {
  return Object.fromEntries(Object.entries(part ?? {}).filter(([, value]) => value !== undefined)) as Partial<T>;
}
