import type { Operator } from '#ports/models';
import { ClusterError, type ClusterClient } from '../cluster/client.ts';
import { toldAs } from '../told.ts';

type Known = Omit<Operator, 'installed'> & { group: string; plural: string };

const operator = (name: Operator['name'], plural: string, group: string, required = false): Known => ({
  name,
  crd: `${plural}.${group}`,
  group,
  plural,
  required,
});

const known: readonly Known[] = [
  operator('aibrix', 'podautoscalers', 'autoscaling.aibrix.ai', true),
  operator('gpu-operator', 'clusterpolicies', 'nvidia.com', true),
  operator('kuberay', 'rayclusters', 'ray.io'),
  operator('envoy-gateway', 'envoyproxies', 'gateway.envoyproxy.io'),
  operator('prometheus-operator', 'servicemonitors', 'monitoring.coreos.com'),
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
      const { groups } = await client.get<{ groups: { name: string; versions: { groupVersion: string }[] }[] }>(
        '/apis',
      );
      const found = known.map(async ({ group, plural, ...one }): Promise<Operator> => {
        const versions = groups.find(({ name }) => name === group)?.versions ?? [];
        const there = await Promise.all(versions.map((version) => resourcesOf(client, version.groupVersion)));
        return { ...one, installed: there.flat().includes(plural) };
      });
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

/** A group may be announced a moment before or after its objects. */
async function resourcesOf(client: ClusterClient, groupVersion: string): Promise<string[]> {
  try {
    const { resources } = await client.get<{ resources: { name: string }[] }>(`/apis/${groupVersion}`);
    return resources.map(({ name }) => name);
  } catch (error) {
    if (error instanceof ClusterError && (error.status === 404 || error.status === 503)) return [];
    throw error;
  }
}
