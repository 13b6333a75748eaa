import type { RevisionSpec } from '#ports/runtime';

interface Probe {
  path: string;
  initialDelaySeconds?: number | undefined;
  periodSeconds?: number | undefined;
  failureThreshold?: number | undefined;
}

/** A revision with what only clusters read. */
export interface ClusterSpec extends RevisionSpec {
  imagePullPolicy: 'IfNotPresent' | 'Always' | 'Never';
  probes: { liveness?: Probe | undefined; readiness?: Probe | undefined; startup?: Probe | undefined } | null;
}

/** When replicas are added and taken away; percentages of what was requested. */
export interface Autoscale {
  cpuUtilization?: number | undefined;
  memoryUtilization?: number | undefined;
  gpuUtilization?: number | undefined;
  targetLatencyMs?: number | undefined;
  /** average of a metric of the pods, such as `vllm:num_requests_waiting`, served by a metrics adapter */
  podMetric?: { name: string; average: string } | undefined;
}

/** What the platform's settings say about clusters. */
export interface ClusterConfig {
  /** namespaces are `{prefix}{environment}` */
  namespacePrefix: string;
  /** of the secret and config map that hold the object store's address and keys, in each namespace */
  objectStore: { secretName: string; configMapName: string };
  imagePullSecrets: readonly string[];
  /** label of nodes that says which accelerator they have */
  gpuLabel: string;
  /** null: the Ingress is made without a class, so that no public controller takes it up */
  ingressClass: string | null;
  initImage: string;
  /** of the volume that model files are downloaded to */
  modelVolume: string;
  /** how long a container may take to load its model before the kubelet gives up */
  startupSeconds: number;
  terminationSeconds: number;
}

export type Manifest = Record<string, unknown> & {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string>; annotations?: Record<string, string> };
};

export interface EnvVar {
  name: string;
  value?: string;
  valueFrom?: Record<string, unknown>;
}

export interface ContainerProbe {
  path: string;
  initialDelaySeconds: number;
  periodSeconds: number;
  failureThreshold: number;
}

/** What a profile makes of a revision: the parts of its container that differ between runtimes. */
export interface ProfilePlan {
  /** null: the image's own */
  command: string[] | null;
  args: string[];
  env: EnvVar[];
  probes: { liveness: ContainerProbe; readiness: ContainerProbe; startup: ContainerProbe };
  /** downloads the model's files to `modelFolder` before the runtime starts */
  download: boolean;
  warnings: string[];
}

/** A serving program: how it is told by its image, and how it is run. */
export interface Profile {
  name: 'vllm' | 'tgi' | 'custom';
  matches(image: string): boolean;
  plan(spec: ClusterSpec, names: { route: string }, config: ClusterConfig): ProfilePlan;
}

/** where the init container puts model files */
export const modelFolder = '/models';
export const servingPort = 8000;
