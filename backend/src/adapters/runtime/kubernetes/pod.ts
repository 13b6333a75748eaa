import type { RevisionSpec, RuntimePlan } from '#ports/runtime';
import { labelValue, type Names } from './names.ts';
import { profileOf } from './profiles/index.ts';
import { modelFolder, servingPort, type ClusterConfig, type ContainerProbe, type EnvVar } from './types.ts';

export interface PodPlan {
  template: { metadata: Record<string, unknown>; spec: Record<string, unknown> };
  warnings: string[];
  refused: NonNullable<RuntimePlan['refused']>;
}

/** Labels of everything that belongs to an endpoint; `app` is the documents' own. */
export function labelsOf(spec: RevisionSpec, names: Names): Record<string, string> {
  return {
    app: names.endpoint,
    'app.kubernetes.io/name': labelValue(spec.model.name) || 'model',
    'app.kubernetes.io/instance': names.endpoint,
    'app.kubernetes.io/version': labelValue(spec.model.version) || '0',
    'app.kubernetes.io/component': 'serving',
    'app.kubernetes.io/part-of': 'llm-ops',
    'app.kubernetes.io/managed-by': 'llm-ops',
    'llm-ops.io/endpoint': spec.endpointId,
    'llm-ops.io/environment': spec.environment,
  };
}

/** What tells the pods of a revision from those of its siblings. */
export function selectorOf(spec: RevisionSpec, names: Names): Record<string, string> {
  return { app: names.endpoint, 'llm-ops.io/revision': spec.revisionId };
}

/** The pod of a revision. `container` is its name: KServe wants `kserve-container`. */
export function podOf(spec: RevisionSpec, names: Names, config: ClusterConfig, container = 'serving'): PodPlan {
  const profile = profileOf(spec.image);
  const plan = profile.plan(spec, { route: names.route }, config);
  const startupFailures = Math.ceil(config.startupSeconds / plan.probes.startup.periodSeconds);
  const { limits, requests } = resourcesOf(spec);
  const warnings = [...plan.warnings];
  if (profile.name === 'custom' && spec.probes?.readiness === undefined)
    warnings.push(
      `The runtime of ${spec.image} is not known: it must answer /ready and /health on port ${servingPort}, or give probes.`,
    );
  return {
    warnings,
    refused: plan.refused,
    template: {
      metadata: {
        labels: { ...labelsOf(spec, names), ...selectorOf(spec, names) },
        annotations: { 'kubectl.kubernetes.io/default-container': container },
      },
      spec: {
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: config.terminationSeconds,
        ...(config.imagePullSecrets.length === 0
          ? {}
          : { imagePullSecrets: config.imagePullSecrets.map((name) => ({ name })) }),
        ...(spec.useGpu && spec.gpuType !== null ? { nodeSelector: { [config.gpuLabel]: spec.gpuType } } : {}),
        ...(spec.useGpu ? { tolerations: [{ key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' }] } : {}),
        ...(plan.download ? { initContainers: [downloader(spec, config)] } : {}),
        containers: [
          {
            name: container,
            image: spec.image,
            imagePullPolicy: spec.imagePullPolicy ?? 'IfNotPresent',
            ...(plan.command === null ? {} : { command: plan.command }),
            ...(plan.args.length === 0 ? {} : { args: plan.args }),
            ports: [{ name: 'http', containerPort: servingPort, protocol: 'TCP' }],
            env: merged(plan.env, commonEnv(spec, config), spec.env),
            resources: { limits, requests },
            livenessProbe: probeOf(plan.probes.liveness, spec.probes?.liveness),
            readinessProbe: probeOf(plan.probes.readiness, spec.probes?.readiness),
            // until it succeeds the other two do not run: a model that loads for long is not killed
            startupProbe: probeOf(
              { ...plan.probes.startup, failureThreshold: startupFailures },
              spec.probes?.startup ?? pathOf(spec.probes?.liveness),
            ),
            volumeMounts: [
              { name: 'shm', mountPath: '/dev/shm' },
              { name: 'tmp', mountPath: '/tmp' },
              ...(plan.download ? [{ name: 'model', mountPath: modelFolder, readOnly: true }] : []),
            ],
            securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
          },
        ],
        volumes: [
          { name: 'shm', emptyDir: { medium: 'Memory' } },
          { name: 'tmp', emptyDir: {} },
          ...(plan.download ? [{ name: 'model', emptyDir: { sizeLimit: config.modelVolume } }] : []),
        ],
      },
    },
  };
}

function resourcesOf(spec: RevisionSpec): { limits: Record<string, string>; requests: Record<string, string> } {
  const { resources, useGpu, gpuCount } = spec;
  const gpu: Record<string, string> = useGpu ? { 'nvidia.com/gpu': String(Math.max(gpuCount, 1)) } : {};
  return {
    requests: { cpu: resources.cpuRequest, memory: resources.memoryRequest, ...gpu },
    limits: { cpu: resources.cpuLimit, memory: resources.memoryLimit, ...gpu },
  };
}

/** Where the object store is and who asks: by reference, so that no manifest holds a key. */
function credentials({ objectStore }: ClusterConfig): EnvVar[] {
  const secret = (name: string): EnvVar => ({
    name,
    valueFrom: { secretKeyRef: { name: objectStore.secretName, key: name } },
  });
  const setting = (name: string): EnvVar => ({
    name,
    valueFrom: { configMapKeyRef: { name: objectStore.configMapName, key: name } },
  });
  return [
    secret('AWS_ACCESS_KEY_ID'),
    secret('AWS_SECRET_ACCESS_KEY'),
    setting('AWS_ENDPOINT_URL'),
    setting('AWS_DEFAULT_REGION'),
  ];
}

function commonEnv(spec: RevisionSpec, config: ClusterConfig): EnvVar[] {
  const uri = spec.model.storageUri;
  return [...(uri === null ? [] : [{ name: 'MODEL_STORAGE_URI', value: uri }]), ...credentials(config)];
}

/** What the request sets wins; the order stays, so that equal revisions have equal manifests. */
function merged(profile: readonly EnvVar[], common: readonly EnvVar[], asked: Record<string, string>): EnvVar[] {
  const kept = [...profile, ...common].filter(({ name }) => !Object.hasOwn(asked, name));
  return [...kept, ...Object.entries(asked).map(([name, value]) => ({ name, value }))];
}

function probeOf(base: ContainerProbe, asked: Partial<ContainerProbe> | undefined): Record<string, unknown> {
  const { path, ...rest } = { ...base, ...defined(asked) };
  return { httpGet: { path, port: servingPort }, timeoutSeconds: 5, ...rest };
}

const pathOf = (probe: { path: string } | undefined) => (probe === undefined ? undefined : { path: probe.path });

function defined(probe: object | undefined): Partial<ContainerProbe> {
  return Object.fromEntries(Object.entries(probe ?? {}).filter(([, value]) => value !== undefined));
}

/** Fetches the model's files into the shared volume; with limits of its own, so that a large model does not run it out of memory. */
function downloader(spec: RevisionSpec, config: ClusterConfig): Record<string, unknown> {
  return {
    name: 'model-download',
    image: config.initImage,
    imagePullPolicy: 'IfNotPresent',
    command: ['sh', '-c', `aws s3 sync --no-progress "$MODEL_STORAGE_URI" ${modelFolder}`],
    env: commonEnv(spec, config),
    resources: { requests: { cpu: '1', memory: '2Gi' }, limits: { cpu: '2', memory: '4Gi' } },
    volumeMounts: [{ name: 'model', mountPath: modelFolder }],
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
  };
}
