import type { GpuCount, NodeSeen } from '#ports/cluster';
import type { Node, PodOnNode } from '../cluster/census.ts';
import { bytes, cores } from '../quantity.ts';

const gpu = 'nvidia.com/gpu';
const managed = 'app.kubernetes.io/managed-by';

/** Nodes with what pods on them asked for, those with GPUs first. Pure. */
export function nodesSeen(nodes: Iterable<Node>, pods: Iterable<PodOnNode>, gpuLabel: string): NodeSeen[] {
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
