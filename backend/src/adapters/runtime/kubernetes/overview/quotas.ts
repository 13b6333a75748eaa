import type { Environment } from '@llm-ops/contracts';
import type { NamespaceSeen } from '#ports/cluster';
import { ClusterError, type ClusterClient } from '../cluster/client.ts';
import { bytes } from '../quantity.ts';
import type { ClusterConfig } from '../types.ts';

interface Quota {
  metadata: { name: string };
  status?: { hard?: Record<string, string>; used?: Record<string, string> };
}

/** Namespaces of the environments with what is left in them. A namespace is made by the first deployment in it. */
export async function namespacesOf(
  client: ClusterClient,
  config: ClusterConfig,
  environments: readonly Environment[],
): Promise<NamespaceSeen[]> {
  return Promise.all(
    environments.map(async (environment): Promise<NamespaceSeen> => {
      const name = `${config.namespacePrefix}${environment}`;
      try {
        await client.get(`/api/v1/namespaces/${name}`);
      } catch (error) {
        if (!(error instanceof ClusterError && error.status === 404)) throw error;
        return { environment, name, exists: false, quotas: [] };
      }
      const { items } = await client.get<{ items: Quota[] }>(`/api/v1/namespaces/${name}/resourcequotas`);
      return { environment, name, exists: true, quotas: items.flatMap(quotasSeen) };
    }),
  );
}

function quotasSeen({ metadata, status }: Quota): NamespaceSeen['quotas'] {
  return Object.entries(status?.hard ?? {}).map(([resource, hard]) => {
    const used = status?.used?.[resource] ?? '0';
    const limit = bytes(hard);
    const share = limit > 0 ? bytes(used) / limit : bytes(used) > 0 ? 1 : 0;
    return { name: metadata.name, resource, hard, used, share };
  });
}
