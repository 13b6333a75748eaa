import type { Operator } from '#ports/models';
import type { ClusterClient } from '../cluster/client.ts';
import { discover } from '../cluster/discovery.ts';
import { toldAs } from '../told.ts';

const known: readonly Omit<Operator, 'installed'>[] = [
  { name: 'aibrix', crd: 'podautoscalers.autoscaling.aibrix.ai', required: true },
  { name: 'gpu-operator', crd: 'clusterpolicies.nvidia.com', required: true },
  { name: 'kuberay', crd: 'rayclusters.ray.io', required: false },
  { name: 'envoy-gateway', crd: 'envoyproxies.gateway.envoyproxy.io', required: false },
  { name: 'prometheus-operator', crd: 'servicemonitors.monitoring.coreos.com', required: false },
];

/** how long an answer is good for: operators come and go by hand */
const freshMs = 10_000;

export interface Operators {
  /** Which there are, by discovery, which every account may read. Throws `cluster_unreachable`. */
  list(): Promise<Operator[]>;
  /** As it was last seen. null: not looked yet. */
  seen(): readonly Operator[] | null;
}

export function createOperators({ client, now }: { client: ClusterClient; now(): Date }): Operators {
  let last: { at: number; found: Promise<Operator[]> } | null = null;
  let seen: Operator[] | null = null;

  async function look(): Promise<Operator[]> {
    try {
      const { versionsOf } = await discover(client);
      const found = known.map(async (one) => ({ ...one, installed: (await versionsOf(one.crd)).length > 0 }));
      return (seen = await Promise.all(found));
    } catch (error) {
      throw toldAs(error);
    }
  }

  return {
    list() {
      if (last !== null && now().getTime() - last.at < freshMs) return last.found;
      const asked = { at: now().getTime(), found: look() };
      last = asked;
      asked.found.catch(() => {
        if (last === asked) last = null;
      });
      return asked.found;
    },
    seen: () => seen,
  };
}
