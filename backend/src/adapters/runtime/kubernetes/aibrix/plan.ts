import type { RevisionSpec } from '#ports/runtime';
import { fixedReplicas, modelLabel } from '../flavour.ts';
import { namesOf } from '../names.ts';
import { servedNameAnnotation, type ClusterPlan } from '../plan.ts';
import { labelsOf, podOf, selectorOf } from '../pod.ts';
import { profileOf } from '../profiles/index.ts';
import { servingPort, type ClusterConfig, type EnvVar, type Manifest } from '../types.ts';
import { managedLabel, modelNamesOf, modelOf, type ModelNames, type ModelsConfig } from './names.ts';

export interface AibrixConfig {
  config: ClusterConfig;
  models: ModelsConfig;
}

export const autoscalerKind = { apiVersion: 'autoscaling.aibrix.ai/v1alpha1', kind: 'PodAutoscaler' };
export const monitorKind = { apiVersion: 'monitoring.coreos.com/v1', kind: 'ServiceMonitor' };
export const tokenVariable = 'HF_TOKEN';
const cacheFolder = '/var/cache/models';

/** What document 004 and AIBrix scale by when nothing else was asked for. */
export const defaultMetric = { name: 'num_requests_running', target: '40', scaleDownDelay: '3m' };

/** The objects of document 004 for a revision: claim, Deployment, Services, PodAutoscaler, ServiceMonitor. Pure. */
export function modelObjects(spec: RevisionSpec, { config, models }: AibrixConfig): ClusterPlan {
  const names = modelNamesOf(spec, models);
  const labels = modelLabels(spec, config);
  const own = { ...labels, ...selectorOf(spec, namesOf(spec, config)) };
  const { template, warnings, refused } = modelPod(spec, names, own, config);
  const meta = (name: string, its: Record<string, string>) => ({
    name,
    namespace: names.namespace,
    labels: its,
    annotations: annotationsOf(spec, names),
  });
  const deployment: Manifest = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: meta(names.deployment, own),
    spec: {
      selector: { matchLabels: selectorOf(spec, namesOf(spec, config)) },
      revisionHistoryLimit: 2,
      progressDeadlineSeconds: Math.max(config.startupSeconds + 600, 600),
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      template,
    },
  };
  if (!spec.autoscale) deployment.metadata.annotations![fixedReplicas] = String(spec.minReplicas);
  const service = (name: string, its: Record<string, string>, type: Record<string, unknown>): Manifest => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: meta(name, its),
    spec: {
      ...type,
      selector: selectorOf(spec, namesOf(spec, config)),
      ports: [{ name: 'http', port: servingPort, targetPort: 'http', protocol: 'TCP' }],
    },
  });
  const claim = claimOf(spec, meta(names.claim, modelOf(spec).storage?.shared === true ? labels : own));
  return {
    warnings,
    refused,
    manifests: [
      ...claim,
      deployment,
      service(names.pods, own, { clusterIP: 'None' }),
      ...(spec.autoscale ? [autoscalerOf(spec, meta(names.autoscaler, own), names)] : []),
      ...(spec.live === true
        ? [service(names.model, labels, { type: 'ClusterIP' }), monitorOf(meta(names.model, labels))]
        : []),
    ],
  };
}

function modelLabels(spec: RevisionSpec, config: ClusterConfig): Record<string, string> {
  return { ...labelsOf(spec, namesOf(spec, config)), [modelLabel]: modelOf(spec).name, [managedLabel]: 'true' };
}

const annotationsOf = (spec: RevisionSpec, names: ModelNames): Record<string, string> => ({
  'llm-ops.io/route': spec.route,
  'llm-ops.io/model': `${spec.model.name} ${spec.model.version}`,
  [servedNameAnnotation]: names.model,
});

/** The pod as for any revision, with AIBrix's labels, the volume that keeps what it downloads, the token and the GPUs that it fits on. */
function modelPod(spec: RevisionSpec, names: ModelNames, labels: Record<string, string>, config: ClusterConfig) {
  const { storage, token: kept, minVramBytes } = modelOf(spec);
  const { template, warnings, refused } = podOf(spec, { ...namesOf(spec, config), route: names.model }, config);
  const pod = template.spec as { containers: [Container]; volumes: object[] } & Record<string, unknown>;
  const [container] = pod.containers;
  const token: EnvVar[] =
    kept !== null
      ? [{ name: tokenVariable, valueFrom: { secretKeyRef: { name: names.secret, key: tokenVariable } } }]
      : [];
  const cache: EnvVar[] = storage === null ? [] : [{ name: 'HF_HOME', value: cacheFolder }];
  const asked = new Set(Object.keys(spec.env));
  const added = [...token, ...cache].filter(({ name }) => !asked.has(name));
  const engine = profileOf(spec.image).name;
  return {
    warnings,
    refused,
    template: {
      metadata: {
        ...template.metadata,
        labels: {
          ...labels,
          'model.aibrix.ai/port': String(servingPort),
          ...(engine === 'vllm' ? { 'model.aibrix.ai/engine': engine } : {}),
        },
      },
      spec: {
        ...pod,
        ...(spec.useGpu && minVramBytes !== null ? { affinity: gpusOf(minVramBytes) } : {}),
        containers: [
          {
            ...container,
            env: [
              // references are to the keys of an object store that these models are not in
              ...container.env.filter(
                (one) => one.valueFrom === undefined && !added.some(({ name }) => name === one.name),
              ),
              ...added,
            ],
            volumeMounts: [
              ...container.volumeMounts,
              ...(storage === null ? [] : [{ name: 'models', mountPath: cacheFolder }]),
            ],
          },
        ],
        volumes: [
          ...pod.volumes,
          ...(storage === null ? [] : [{ name: 'models', persistentVolumeClaim: { claimName: names.claim } }]),
        ],
      },
    },
  };
}

interface Container {
  env: EnvVar[];
  volumeMounts: object[];
}

/** A card sold as 24 GB shows between 22.5 and 24 GiB. */
const asSold = 0.93;

/** MiB that a GPU must show to count as one with so much memory. */
export const leastMegabytes = (bytes: number) => Math.floor((bytes / 1024 ** 2) * asSold);

/** Nodes whose GPUs are large enough, by the label of the GPU operator (MiB). */
function gpusOf(minVramBytes: number): Record<string, unknown> {
  const expression = {
    key: 'nvidia.com/gpu.memory',
    operator: 'Gt',
    values: [String(leastMegabytes(minVramBytes) - 1)],
  };
  return {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [expression] }] },
    },
  };
}

function claimOf(spec: RevisionSpec, metadata: Manifest['metadata']): Manifest[] {
  const { storage } = modelOf(spec);
  if (storage === null) return [];
  return [
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata,
      spec: {
        accessModes: [storage.shared ? 'ReadWriteMany' : 'ReadWriteOnce'],
        ...(storage.className === null ? {} : { storageClassName: storage.className }),
        resources: { requests: { storage: storage.size } },
      },
    },
  ];
}

/** KPA by a metric of the pods. Older AIBrix reads the first annotation, newer the second. */
function autoscalerOf(spec: RevisionSpec, metadata: Manifest['metadata'], names: ModelNames): Manifest {
  const metric = spec.autoscale?.metric ?? defaultMetric;
  const delay = metric.scaleDownDelay ?? defaultMetric.scaleDownDelay;
  return {
    ...autoscalerKind,
    metadata: {
      ...metadata,
      annotations: {
        ...metadata.annotations,
        'kpa.autoscaling.aibrix.ai/scale-down-delay': delay,
        'autoscaling.aibrix.ai/scale-down-cooldown-window': delay,
      },
    },
    spec: {
      scalingStrategy: 'KPA',
      minReplicas: spec.minReplicas,
      maxReplicas: spec.maxReplicas,
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: names.deployment },
      metricsSources: [
        {
          metricSourceType: 'pod',
          protocolType: 'http',
          port: String(servingPort),
          path: '/metrics',
          targetMetric: metric.name,
          targetValue: metric.target,
        },
      ],
    },
  };
}

/** Of every revision, each pod once: by the headless Services, told apart by their label. */
export function monitorOf(metadata: Manifest['metadata']): Manifest {
  const model = metadata.labels?.[modelLabel] ?? metadata.name;
  return {
    ...monitorKind,
    metadata,
    spec: {
      selector: {
        matchLabels: { [modelLabel]: model },
        matchExpressions: [{ key: 'llm-ops.io/revision', operator: 'Exists' }],
      },
      targetLabels: [modelLabel, 'llm-ops.io/revision'],
      endpoints: [{ port: 'http', path: '/metrics', interval: '15s' }],
    },
  };
}
