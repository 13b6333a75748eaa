import type { Environment } from '@llm-ops/contracts';
import type { Cluster, ClusterSeen } from '#ports/cluster';
import type { Census } from '../cluster/census.ts';
import { ClusterError, type ClusterClient } from '../cluster/client.ts';
import type { ClusterConfig } from '../types.ts';
import { nodesSeen, totalsOf } from './nodes.ts';
import { operatorsOf } from './operators.ts';
import { namespacesOf } from './quotas.ts';

/**
 * The cluster as a whole. Nodes and pods are followed while somebody looks, so that a look at a thousand nodes is a sum in memory; what has no
 * watch of its own is asked for at most every so often.
 */
export function createOverview(deps: {
  client: ClusterClient;
  census: Census;
  config: ClusterConfig;
  /** those that are served there */
  environments: readonly Environment[];
}): Cluster {
  const { client, census, config, environments } = deps;
  const { gpuLabel } = config;
  const version = kept(30_000, async () => (await client.get<{ gitVersion: string }>('/version')).gitVersion);
  const operators = kept(60_000, () => operatorsOf(client));
  const namespaces = kept(15_000, () => namespacesOf(client, config, environments));

  return {
    async look(): Promise<ClusterSeen> {
      const cached = [version, operators, namespaces] as const;
      const { nodes, pods } = await census.last();
      // one that refuses to tell of its nodes is there; one that is away would be waited for by each
      const answers = nodes.lostSince() === null || nodes.failed() instanceof ClusterError;
      if (answers) await Promise.all(cached.map(({ read }) => read()));
      const seen = nodesSeen(nodes.all(), pods.all(), gpuLabel);
      const lost = [nodes.lostSince(), pods.lostSince(), version.failedSince()].filter((since) => since !== null);
      const lostSince = lost.toSorted((a, b) => a.getTime() - b.getTime())[0] ?? null;
      const problems = [nodes.problem(), pods.problem(), ...cached.map(({ problem }) => problem())];
      const { host } = new URL(client.server());
      return {
        name: client.name(),
        server: host,
        environments: [...environments],
        reachable: version.failedSince() === null && answers,
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
