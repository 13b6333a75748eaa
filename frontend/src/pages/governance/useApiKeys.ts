import { useQuery } from '@tanstack/vue-query';
import { computed } from 'vue';
import { governanceClient } from '../../services/governanceClient.ts';
import { useSession } from '../../session/session.ts';

/** The API keys that this person may see, to choose from and to name; else a key is its id. */
export function useApiKeys() {
  const { can } = useSession();
  const query = useQuery({
    queryKey: ['api-keys', 'choices'],
    queryFn: async () => (await governanceClient.listApiKeys({ limit: 200 })).data,
    enabled: can('api-key:read'),
  });
  const keys = computed(() => query.data.value ?? []);
  return { keys, nameOf: (id: string) => keys.value.find((key) => key.id === id)?.name ?? id };
}
