import { failure } from '#platform/errors';
import type { Logger } from '#platform/log';
import { bytes, cores } from '../quantity.ts';
import type { ClusterClient } from './client.ts';
import { createInformer, type Informer, type Stored } from './informer.ts';

export type Node = Stored & {
  spec?: { unschedulable?: boolean; taints?: { key: string; value?: string; effect: string }[] };
  status?: {
    capacity?: Record<string, string>;
    allocatable?: Record<string, string>;
    conditions?: { type: string; status: string; reason?: string; message?: string }[];
    nodeInfo?: { kubeletVersion?: string };
    /** kubelets name the largest of them only */
    images?: { names?: string[] }[];
  };
};
type Requests = { resources?: { requests?: Record<string, string> } };
export interface PulledImage {
  image?: string;
  state?: { running?: object; waiting?: { reason?: string; message?: string } };
}
/** A pod that has not ended. */
export type PodOnNode = Stored & {
  spec?: { nodeName?: string; containers: Requests[]; initContainers?: (Requests & { restartPolicy?: string })[] };
  status?: { containerStatuses?: PulledImage[]; initContainerStatuses?: PulledImage[] };
};

/** All nodes and all pods of a cluster, whoever made them, cut down to what is asked of them. */
export interface Census {
  /** As they are now. Throws as the client does where they cannot be followed, `cluster_unreachable` where that takes too long. */
  now(): Promise<{ nodes: readonly Node[]; pods: readonly PodOnNode[] }>;
  /** As they were last seen, where they cannot be followed now. */
  last(): Promise<{ nodes: Informer<Node>; pods: Informer<PodOnNode> }>;
  close(): void;
}

/** nodes and pods that nobody has asked for so long are no longer followed */
const idleMs = 10 * 60_000;
/** how long who asks first waits for them */
const firstMs = 8_000;

/**
 * Nodes and pods are followed while somebody asks, once for all who do: reading them at each question would be megabytes where there are a thousand
 * nodes. What cannot be followed is tried at once by who asks.
 */
export function createCensus(deps: { client: ClusterClient; gpuLabel: string; log: Logger }): Census {
  const { gpuLabel } = deps;
  let followed: { nodes: Informer<Node>; pods: Informer<PodOnNode> } | null = null;
  let asked = 0;

  const sweep = setInterval(() => {
    if (Date.now() - asked > idleMs) stop();
  }, 60_000);
  sweep.unref();

  function follow(): NonNullable<typeof followed> {
    asked = Date.now();
    if (followed !== null) return followed;
    const follower = { ...deps, index: () => undefined, onChange: () => undefined };
    const once = createOnce();
    followed = {
      nodes: createInformer<Node>({
        ...follower,
        path: '/api/v1/nodes',
        query: {},
        trim: (node) => trimNode(node, gpuLabel, once),
      }),
      pods: createInformer<PodOnNode>({
        ...follower,
        path: '/api/v1/pods',
        query: { fieldSelector: 'status.phase!=Succeeded,status.phase!=Failed' },
        trim: (pod) => trimPod(pod, once),
      }),
    };
    return followed;
  }

  function stop(): void {
    followed?.nodes.stop();
    followed?.pods.stop();
    followed = null;
  }

  return {
    async now() {
      const { nodes, pods } = follow();
      await Promise.all([nodes.current(firstMs), pods.current(firstMs)]);
      for (const { synced, lostSince, failed } of [nodes, pods])
        if (!synced() || lostSince() !== null) throw failed() ?? failure('cluster_unreachable');
      return { nodes: [...nodes.all()], pods: [...pods.all()] };
    },
    async last() {
      const found = follow();
      await Promise.all([found.nodes.listed(firstMs), found.pods.listed(firstMs)]);
      return found;
    },
    close() {
      clearInterval(sweep);
      stop();
    },
  };
}

/** The same text of a thousand nodes is kept once. */
type Once = (text: string) => string;
function createOnce(): Once {
  const known = new Map<string, string>();
  return (text) => {
    const first = known.get(text);
    if (first !== undefined) return first;
    known.set(text, text);
    return text;
  };
}

/** what people tell nodes apart by, beside the GPU's label */
const shownLabels =
  /^(node\.kubernetes\.io\/instance-type|topology\.kubernetes\.io\/|node-role\.kubernetes\.io\/|nvidia\.com\/gpu\.(product|memory|count)|kubernetes\.io\/arch)/;

function trimNode(node: Node, gpuLabel: string, once: Once): Node {
  const { name, uid, resourceVersion, creationTimestamp, labels = {} } = node.metadata;
  const kept = Object.entries(labels).filter(([key]) => key === gpuLabel || shownLabels.test(key));
  const { capacity, allocatable, conditions, nodeInfo, images } = node.status ?? {};
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
      images: [{ names: (images ?? []).flatMap(({ names = [] }) => names.map(once)) }],
    },
  };
}

const gpu = 'nvidia.com/gpu';
const managed = 'app.kubernetes.io/managed-by';
const runs = { running: {} };

/** What a pod takes of its node: the sum of its containers, or of one that runs before them where that is more; and how it came by its images. */
function trimPod(pod: PodOnNode, once: Once): PodOnNode {
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
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  const images = [...containerStatuses, ...initContainerStatuses].map(({ image, state }): PulledImage => {
    const { reason, message } = state?.waiting ?? {};
    return {
      ...(image && { image: once(image) }),
      ...(state?.running !== undefined
        ? { state: runs }
        : reason && { state: { waiting: { reason, ...(message && { message }) } } }),
    };
  });
  return {
    metadata: {
      name,
      uid,
      resourceVersion,
      ...(namespace && { namespace: once(namespace) }),
      labels: labels?.[managed] === 'llm-ops' ? { [managed]: 'llm-ops' } : {},
    },
    spec: { containers: [{ resources: { requests } }], ...(nodeName && { nodeName: once(nodeName) }) },
    status: { containerStatuses: images },
  };
}
