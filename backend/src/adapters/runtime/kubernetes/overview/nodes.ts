import type { GpuCount, NodeSeen } from '#ports/cluster';
import type { Stored } from '../cluster/informer.ts';
import { bytes, cores } from '../quantity.ts';

export type Node = Stored & {
  spec?: { unschedulable?: boolean; taints?: { key: string; value?: string; effect: string }[] };
  status?: {
    capacity?: Record<string, string>;
    allocatable?: Record<string, string>;
    conditions?: { type: string; status: string; reason?: string; message?: string }[];
    nodeInfo?: { kubeletVersion?: string };
  };
};
type Requests = { resources?: { requests?: Record<string, string> } };
export type ScheduledPod = Stored & {
  spec?: { nodeName?: string; containers: Requests[]; initContainers?: (Requests & { restartPolicy?: string })[] };
};

const gpu = 'nvidia.com/gpu';
const managed = 'app.kubernetes.io/managed-by';
/** what people tell nodes apart by, beside the GPU's label */
const shownLabels =
  /^(node\.kubernetes\.io\/instance-type|topology\.kubernetes\.io\/|node-role\.kubernetes\.io\/|nvidia\.com\/gpu\.(product|memory|count)|kubernetes\.io\/arch)/;

/** What the overview needs of a node; a real one carries the list of its images as well. */
export function trimNode(node: Node, gpuLabel: string): Node {
  const { name, uid, resourceVersion, creationTimestamp, labels = {} } = node.metadata;
  const kept = Object.entries(labels).filter(([key]) => key === gpuLabel || shownLabels.test(key));
  const { capacity, allocatable, conditions, nodeInfo } = node.status ?? {};
  const { kubeletVersion = '' } = nodeInfo ?? {};
  return {
    metadata: {
      name,
      uid,
      resourceVersion,
      labels: Object.fromEntries(kept),
      ...(creationTimestamp && { creationTimestamp }),
    },
    spec: { unschedulable: node.spec?.unschedulable === true, taints: node.spec?.taints ?? [] },
    status: {
      capacity: capacity ?? {},
      allocatable: allocatable ?? {},
      conditions: (conditions ?? []).filter(({ type }) => type === 'Ready'),
      nodeInfo: { kubeletVersion },
    },
  };
}

/** What a pod takes of its node: the sum of its containers, or of one that runs before them where that is more. */
export function trimPod(pod: ScheduledPod): ScheduledPod {
  const { name, uid, resourceVersion, namespace, labels } = pod.metadata;
  const { nodeName, containers = [], initContainers = [] } = pod.spec ?? {};
  const taken = (read: (requests: Record<string, string>) => number): number => {
    const of = ({ resources }: Requests) => read(resources?.requests ?? {});
    const steady = [...containers, ...initContainers.filter(({ restartPolicy }) => restartPolicy === 'Always')];
    return Math.max(
      steady.reduce((sum, one) => sum + of(one), 0),
      0,
      ...initContainers.map(of),
    );
  };
  const requests = {
    cpu: String(taken(({ cpu }) => cores(cpu))),
    memory: String(taken(({ memory }) => bytes(memory))),
    [gpu]: String(taken((asked) => Number(asked[gpu] ?? 0))),
  };
  return {
    metadata: {
      name,
      uid,
      resourceVersion,
      ...(namespace && { namespace }),
      labels: labels?.[managed] === 'llm-ops' ? { [managed]: 'llm-ops' } : {},
    },
    spec: { containers: [{ resources: { requests } }], ...(nodeName && { nodeName }) },
  };
}

/** Nodes with what pods on them asked for, those with GPUs first. Pure. */
export function nodesSeen(nodes: Iterable<Node>, pods: Iterable<ScheduledPod>, gpuLabel: string): NodeSeen[] {
  const taken = new Map<string, { cpu: number; memory: number; gpus: number; ours: number; pods: number }>();
  for (const { metadata, spec } of pods) {
    if (spec?.nodeName === undefined) continue;
    const sum = taken.get(spec.nodeName) ?? { cpu: 0, memory: 0, gpus: 0, ours: 0, pods: 0 };
    const { cpu, memory, [gpu]: gpus } = spec.containers[0]?.resources?.requests ?? {};
    sum.cpu += Number(cpu ?? 0);
    sum.memory += Number(memory ?? 0);
    sum.gpus += Number(gpus ?? 0);
    if (metadata.labels?.[managed] === 'llm-ops') sum.ours += Number(gpus ?? 0);
    sum.pods++;
    taken.set(spec.nodeName, sum);
  }
  return [...nodes]
    .map((node) => nodeSeen(node, taken.get(node.metadata.name), gpuLabel))
    .toSorted(
      (a, b) =>
        Number(b.gpus.capacity > 0) - Number(a.gpus.capacity > 0) ||
        a.name.localeCompare(b.name, 'en', { numeric: true }),
    );
}

function nodeSeen(
  { metadata, spec, status }: Node,
  taken: { cpu: number; memory: number; gpus: number; ours: number; pods: number } | undefined,
  gpuLabel: string,
): NodeSeen {
  const { labels = {} } = metadata;
  const readiness = status?.conditions?.find(({ type }) => type === 'Ready');
  const ready = readiness?.status === 'True';
  const cordoned = spec?.unschedulable === true;
  const megabytes = Number(labels['nvidia.com/gpu.memory']);
  const allocatable = Number(status?.allocatable?.[gpu] ?? 0);
  const allocated = taken?.gpus ?? 0;
  const usable = ready && !cordoned;
  return {
    name: metadata.name,
    ready,
    schedulable: usable,
    reason: ready
      ? cordoned
        ? 'Cordoned: it takes no new pods.'
        : null
      : (readiness?.message ?? readiness?.reason ?? 'Its kubelet has not told that it is ready.'),
    gpuType: labels[gpuLabel] ?? labels['nvidia.com/gpu.product'] ?? null,
    gpuMemoryBytes: Number.isFinite(megabytes) ? megabytes * 1024 ** 2 : null,
    gpus: {
      capacity: Number(status?.capacity?.[gpu] ?? 0),
      allocatable,
      allocated,
      ours: taken?.ours ?? 0,
      // of a node that takes no pods nothing is free
      free: usable ? Math.max(0, allocatable - allocated) : 0,
    },
    cpu: { allocatable: cores(status?.allocatable?.['cpu']), allocated: taken?.cpu ?? 0 },
    memory: { allocatable: bytes(status?.allocatable?.['memory']), allocated: taken?.memory ?? 0 },
    pods: taken?.pods ?? 0,
    version: status?.nodeInfo?.kubeletVersion ?? '',
    labels,
    createdAt: new Date(metadata.creationTimestamp ?? 0).toISOString(),
  };
}

/** All nodes together. */
export function totalsOf(nodes: readonly NodeSeen[]): { nodes: number; ready: number; pods: number; gpus: GpuCount } {
  const gpus: GpuCount = { capacity: 0, allocatable: 0, allocated: 0, ours: 0, free: 0 };
  for (const node of nodes) for (const key of Object.keys(gpus) as (keyof GpuCount)[]) gpus[key] += node.gpus[key];
  return {
    nodes: nodes.length,
    ready: nodes.filter(({ ready }) => ready).length,
    pods: nodes.reduce((sum, { pods }) => sum + pods, 0),
    gpus,
  };
}
