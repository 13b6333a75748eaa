import { useQuery } from '@tanstack/vue-query';
import { computed } from 'vue';
import { platformClient } from '../../services/platformClient.ts';
import { useSession } from '../../session/session.ts';

/** The platform's one currency (COST_CURRENCY), ISO 4217. */
export function useCurrency() {
  const { can } = useSession();
  const query = useQuery({
    queryKey: ['settings'],
    queryFn: async () => (await platformClient.listSettings()).data,
    enabled: can('settings:read'),
    staleTime: 10 * 60_000,
  });
  return computed(() => query.data.value?.find(({ name }) => name === 'COST_CURRENCY')?.value ?? 'USD');
}
