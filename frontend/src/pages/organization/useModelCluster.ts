import { useQuery } from '@tanstack/vue-query';
import { computed } from 'vue';
import { observationClient } from '../../services/observationClient.ts';
import { organizationClient } from '../../services/organizationClient.ts';
import { isOutside } from './vocabulary.ts';

/** The cluster that models of organizations run on. Where the platform has none, nothing of theirs is asked: it would be refused. */
export function useModelCluster() {
  const clusters = useQuery({
    queryKey: ['cluster'],
    queryFn: async () => (await observationClient.getCluster()).data,
  });
  const enabled = computed(() => (clusters.data.value?.length ?? 0) > 0);
  const cluster = useQuery({
    enabled,
    queryKey: ['organization-models', 'cluster'],
    queryFn: async () => (await organizationClient.getCluster()).data,
    refetchInterval: ({ state }) => (state.data?.ready === false ? 15_000 : false),
    retry: retryInside,
  });
  const outside = computed(() => clusters.data.value?.length === 0 || isOutside(cluster.error.value));
  return { clusters, enabled, cluster, outside };
}

export const retryInside = (times: number, error: unknown): boolean => !isOutside(error) && times < 1;
