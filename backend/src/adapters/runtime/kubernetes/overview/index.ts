import type { Logger } from '#platform/log';
import type { Environment } from '@llm-ops/contracts';
import type { Cluster, ClusterSeen } from '#ports/cluster';
import type { ClusterClient } from '../cluster/client.ts';
import { createInformer, type Informer } from '../cluster/informer.ts';
import type { ClusterConfig } from '../types.ts';
import { nodesSeen, totalsOf, trimNode, trimPod, type Node, type ScheduledPod } from './nodes.ts';
import { operatorsOf } from './operators.ts';
import { namespacesOf } from './quotas.ts';

/** nodes and pods that nobody has looked at for so long are no longer followed */
const idleMs = 10 * 60_000;
/** how long a first look waits for them */
const firstMs = 8_000;

/**
 * The cluster as a whole. Nodes and pods are followed while somebody looks, cut down to what is shown, so that a look at a thousand nodes
 * is a sum in memory; what has no watch of its own is asked for at most every so often.
 */
export function createOverview(deps: {
  client: ClusterClient;
  config: ClusterConfig;
  /** those that are served there */
  environments: readonly Environment[];
  log: Logger;
}): Cluster {
  const { client, config, environments } = deps;
  const { gpuLabel } = config;
  let followed: { nodes: Informer<Node>; pods: Informer<ScheduledPod> } | null = null;
  let asked = 0;
  const version = kept(30_000, async () => (await client.get<{ gitVersion: string }>('/version')).gitVersion);
  const operators = kept(60_000, () => operatorsOf(client));
  const namespaces = kept(15_000, () => namespacesOf(client, config, environments));

  const sweep = setInterval(() => {
    if (Date.now() - asked > idleMs) stop();
  }, 60_000);
  sweep.unref();

  function follow(): NonNullable<typeof followed> {
    const follower = { ...deps, index: () => undefined, onChange: () => undefined };
    return {
      nodes: createInformer<Node>({
        ...follower,
        path: '/api/v1/nodes',
        query: {},
        trim: (node) => trimNode(node, gpuLabel),
      }),
      pods: createInformer<ScheduledPod>({
        ...follower,
        path: '/api/v1/pods',
        query: { fieldSelector: 'status.phase!=Succeeded,status.phase!=Failed' },
        trim: trimPod,
      }),
    };
  }

  function stop(): void {
    followed?.nodes.stop();
    followed?.pods.stop();
    followed = null;
  }

  return {
    async look(): Promise<ClusterSeen> {
      asked = Date.now();
      const { nodes, pods } = (followed ??= follow());
      const cached = [version, operators, namespaces] as const;
      // a cluster that is away would be waited for by each
      const away = nodes.lostSince() !== null;
      await Promise.all([
        nodes.listed(firstMs),
        pods.listed(firstMs),
        ...(away ? [] : cached.map(({ read }) => read())),
      ]);
      const seen = nodesSeen(nodes.all(), pods.all(), gpuLabel);
      const lost = [nodes.lostSince(), pods.lostSince(), version.failedSince()].filter((since) => since !== null);
      const lostSince = lost.toSorted((a, b) => a.getTime() - b.getTime())[0] ?? null;
      const problems = [nodes.problem(), pods.problem(), ...cached.map(({ problem }) => problem())];
      const { host } = new URL(client.server());
      return {
        name: client.name(),
        server: host,
        environments: [...environments],
        reachable: version.failedSince() === null && nodes.lostSince() === null,
        lostSince: lostSince?.toISOString() ?? null,
        version: version.value(),
        seenAt: version.at()?.toISOString() ?? null,
        gpuLabel,
        problem: problems.find((problem) => problem !== null) ?? null,
        totals: totalsOf(seen),
        nodes: seen,
        operators: operators.value() ?? [],
        namespaces: namespaces.value() ?? [],
      };
    },

    async close() {
      clearInterval(sweep);
      stop();
    },
  };
}

/** A value that is asked for again when it is older than `ms`. One that cannot be had is as it was last, with why. */
function kept<T>(ms: number, load: () => Promise<T>) {
  let value: T | null = null;
  let at: Date | null = null;
  let failed: Date | null = null;
  let problem: string | null = null;
  let loading: Promise<void> | null = null;
  let tried = 0;

  async function refresh(): Promise<void> {
    tried = Date.now();
    try {
      value = await load();
      at = new Date();
      failed = null;
      problem = null;
    } catch (error) {
      failed ??= new Date();
      problem = (error as Error).message;
    } finally {
      loading = null;
    }
  }

  return {
    async read(): Promise<void> {
      const patience = failed === null ? ms : Math.min(ms, 3_000);
      if (Date.now() - tried >= patience) loading ??= refresh();
      await loading;
    },
    value: () => value,
    at: () => at,
    failedSince: () => failed,
    problem: () => problem,
  };
}
