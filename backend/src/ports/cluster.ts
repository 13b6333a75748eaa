export interface GpuCount {
  capacity: number;
  allocatable: number;
  /** asked for by pods */
  allocated: number;
  /** of those, by pods of this platform */
  ours: number;
  free: number;
}

export interface NodeSeen {
  name: string;
  ready: boolean;
  schedulable: boolean;
  /** why it takes no pods */
  reason: string | null;
  gpuType: string | null;
  /** bytes of one GPU */
  gpuMemoryBytes: number | null;
  gpus: GpuCount;
  /** cores */
  cpu: { allocatable: number; allocated: number };
  /** bytes */
  memory: { allocatable: number; allocated: number };
  pods: number;
  version: string;
  labels: Record<string, string>;
  createdAt: string;
}

export interface OperatorSeen {
  name: string;
  /** `definitions`: the cluster knows its kinds, but its controller is not found */
  state: 'running' | 'not-ready' | 'definitions' | 'missing';
  purpose: string;
  /** its makers' page on how it is installed */
  installation: string;
  definitions: { name: string; present: boolean; versions: string[] }[];
  controller: { namespace: string; name: string; image: string; ready: number; wanted: number } | null;
}

export interface NamespaceSeen {
  environment: 'dev' | 'stg' | 'prod';
  name: string;
  exists: boolean;
  /** `share`: used of hard, 0 to 1 and above */
  quotas: { name: string; resource: string; hard: string; used: string; share: number }[];
}

export interface ClusterSeen {
  name: string;
  server: string;
  environments: ('dev' | 'stg' | 'prod')[];
  reachable: boolean;
  /** since when what is shown is what was seen last */
  lostSince: string | null;
  version: string | null;
  seenAt: string | null;
  gpuLabel: string;
  /** what cannot be read, and why */
  problem: string | null;
  totals: { nodes: number; ready: number; pods: number; gpus: GpuCount };
  nodes: NodeSeen[];
  operators: OperatorSeen[];
  namespaces: NamespaceSeen[];
}

/** A cluster as a whole. A look costs little: nodes and pods are followed while somebody looks, the rest is kept for a while. */
export interface Cluster {
  look(): Promise<ClusterSeen>;
}
