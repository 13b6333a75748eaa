import { useQuery } from '@tanstack/vue-query';
import { computed } from 'vue';
import { servingClient } from '../../services/servingClient.ts';
import { isUnsettled } from './vocabulary.ts';

/** The endpoints to choose from, newest first; read again while one of them changes. */
export function useEndpoints() {
  const query = useQuery({
    queryKey: ['endpoints', 'choices'],
    queryFn: async () => (await servingClient.listEndpoints({ limit: 200 })).data,
    refetchInterval: ({ state }) => (state.data?.some(isUnsettled) ? 5000 : false),
  });
  return { query, endpoints: computed(() => (query.data.value ?? []).filter(({ status }) => status !== 'deleting')) };
}
