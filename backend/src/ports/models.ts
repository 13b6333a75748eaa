/** What serving models of organizations needs of a cluster; `required`: without it nothing can be deployed. */
export interface Operator {
  name: 'aibrix' | 'gpu-operator' | 'kuberay' | 'envoy-gateway' | 'prometheus-operator';
  /** the kind of object that it brings: `podautoscalers.autoscaling.aibrix.ai` */
  crd: string;
  required: boolean;
  installed: boolean;
}

export interface GpuNode {
  name: string;
  gpuType: string | null;
  gpus: number;
  freeGpus: number;
  /** of one GPU, bytes; null: its node does not say */
  vramBytes: number | null;
}

export interface StorageClass {
  name: string;
  provisioner: string;
  default: boolean;
  /** whether several nodes can write to one volume; null: not known of its provisioner */
  shared: boolean | null;
}

export interface ModelClusterStatus {
  /** `v1.36.3` */
  version: string;
  namespace: string;
  nodes: number;
  gpuNodes: GpuNode[];
  operators: Operator[];
  storageClasses: StorageClass[];
}

/** A Deployment that calls itself a model of AIBrix and is not the platform's. */
export interface ForeignModel {
  name: string;
  namespace: string;
  /** marked as managed, by another program */
  marked: boolean;
  image: string | null;
  replicas: number;
  readyReplicas: number;
  createdAt: string;
}

/** The cluster that models of organizations run on. Each call throws `cluster_unreachable`, `cluster_forbidden`. */
export interface ModelCluster {
  status(): Promise<ModelClusterStatus>;
  operators(): Promise<Operator[]>;
  storageClasses(): Promise<StorageClass[]>;
  foreign(): Promise<ForeignModel[]>;
  /** Whether something that is not the platform's has this name where models go: it is never taken over. */
  isTaken(name: string): Promise<boolean>;
}
