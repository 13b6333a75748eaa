import type { RevisionSpec, RuntimePlan } from '#ports/runtime';

/** What the platform's settings say about clusters. */
export interface ClusterConfig {
  /** namespaces are `{prefix}{environment}` */
  namespacePrefix: string;
  /** of the secret and config map that hold the object store's address and keys, in each namespace */
  objectStore: { secretName: string; configMapName: string };
  /** by environment, what its namespace may ask for altogether: `pods`, `requests.memory` … ; empty: no quota is made */
  quotas: Readonly<Partial<Record<string, Readonly<Record<string, string>>>>>;
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
  /** where every replica is reached instead, such as a port-forward */
  baseUrl: string | null;
}

export type Manifest = Record<string, unknown> & {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    ownerReferences?: OwnerReference[];
  };
};

/** With its owner an object goes, whoever removes it. */
export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
}

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
  /** arguments of the request that would certainly make it fail */
  refused: NonNullable<RuntimePlan['refused']>;
}

/** A serving program: how it is told by its image, and how it is run. */
export interface Profile {
  name: 'vllm' | 'tgi' | 'custom';
  matches(image: string): boolean;
  plan(spec: RevisionSpec, names: { route: string }, config: ClusterConfig): ProfilePlan;
}

/** where the init container puts model files */
export const modelFolder = '/models';
export const servingPort = 8000;
