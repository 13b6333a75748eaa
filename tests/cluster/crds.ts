import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Plane } from './plane.ts';

/** Definitions of operators, from their own Go modules; they are not kept in the project. */
const definitions = {
  kserve: {
    module: 'github.com/kserve/kserve@v0.19.0',
    files: ['config/crd/full/serving.kserve.io_inferenceservices.yaml'],
    names: ['inferenceservices.serving.kserve.io'],
  },
  'gpu-operator': {
    module: 'github.com/NVIDIA/gpu-operator@v1.8.3-0.20240429200431-0fe1e8db32b0',
    files: ['config/crd/bases/nvidia.com_clusterpolicies.yaml'],
    names: ['clusterpolicies.nvidia.com'],
  },
  kuberay: {
    module: 'github.com/ray-project/kuberay/ray-operator@v1.6.0',
    files: ['config/crd/bases/ray.io_rayclusters.yaml'],
    names: ['rayclusters.ray.io'],
  },
  'prometheus-operator': {
    module: 'github.com/prometheus-operator/prometheus-operator@v0.91.0',
    files: ['servicemonitors', 'podmonitors', 'prometheusrules'].map(
      (kind) => `example/prometheus-operator-crd/monitoring.coreos.com_${kind}.yaml`,
    ),
    names: ['servicemonitors', 'podmonitors', 'prometheusrules'].map((kind) => `${kind}.monitoring.coreos.com`),
  },
  'argo-cd': {
    module: 'github.com/argoproj/argo-cd/v3@v3.2.0',
    files: ['manifests/crds/application-crd.yaml'],
    names: ['applications.argoproj.io'],
  },
  'flux-source': {
    module: 'github.com/fluxcd/source-controller@v1.7.0',
    files: ['config/crd/bases/source.toolkit.fluxcd.io_gitrepositories.yaml'],
    names: ['gitrepositories.source.toolkit.fluxcd.io'],
  },
  'flux-kustomize': {
    module: 'github.com/fluxcd/kustomize-controller@v1.6.0',
    files: ['config/crd/bases/kustomize.toolkit.fluxcd.io_kustomizations.yaml'],
    names: ['kustomizations.kustomize.toolkit.fluxcd.io'],
  },
} as const;

/** Applies the definitions of an operator and waits until the API server serves them. */
export async function applyDefinitions(plane: Plane, operator: keyof typeof definitions): Promise<void> {
  const { module, files, names } = definitions[operator];
  const got = spawnSync('go', ['mod', 'download', '-json', module], { encoding: 'utf8', cwd: plane.folder });
  if (got.status !== 0) throw new Error(`${module} cannot be had: ${got.stderr}${got.stdout}`);
  const { Dir } = JSON.parse(got.stdout) as { Dir: string };
  for (const file of files) await plane.kubectl(['apply', '--server-side', '-f', join(Dir, file)]);
  for (const name of names) await established(plane, name);
}

/** AIBrix has no Go module that can be had: a definition of our own, with the fields of its v1alpha1 that its documentation shows. */
export async function applyAibrix(plane: Plane): Promise<void> {
  const text = { type: 'string' };
  const count = { type: 'integer', format: 'int32' };
  const source = {
    type: 'object',
    required: ['metricSourceType', 'path', 'protocolType', 'targetMetric', 'targetValue'],
    properties: {
      metricSourceType: { ...text, enum: ['pod', 'resource', 'custom', 'external', 'domain'] },
      protocolType: { ...text, enum: ['http', 'https'] },
      endpoint: text,
      port: text,
      path: text,
      targetMetric: text,
      targetValue: text,
    },
  };
  const spec = {
    type: 'object',
    required: ['maxReplicas', 'scaleTargetRef', 'scalingStrategy'],
    properties: {
      scalingStrategy: { ...text, enum: ['HPA', 'KPA', 'APA'] },
      minReplicas: count,
      maxReplicas: count,
      scaleTargetRef: { type: 'object', properties: { apiVersion: text, kind: text, name: text } },
      metricsSources: { type: 'array', minItems: 1, items: source },
    },
  };
  const definition = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'podautoscalers.autoscaling.aibrix.ai' },
    spec: {
      group: 'autoscaling.aibrix.ai',
      scope: 'Namespaced',
      names: {
        kind: 'PodAutoscaler',
        listKind: 'PodAutoscalerList',
        plural: 'podautoscalers',
        singular: 'podautoscaler',
      },
      versions: [
        {
          name: 'v1alpha1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', properties: { spec } } },
        },
      ],
    },
  };
  await plane.kubectl(['apply', '--server-side', '-f', '-'], JSON.stringify(definition));
  await established(plane, definition.metadata.name);
}

/** `kubectl wait` fails on a definition that has no status yet. */
async function established(plane: Plane, name: string): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    const { status } = JSON.parse(await plane.kubectl(['get', 'crd', name, '-o', 'json'])) as {
      status?: { conditions?: { type: string; status: string }[] };
    };
    if (status?.conditions?.some(({ type, status: is }) => type === 'Established' && is === 'True')) return;
    await wait(100);
  }
}
