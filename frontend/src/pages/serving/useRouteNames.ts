import { useQuery } from '@tanstack/vue-query';
import { computed } from 'vue';
import { servingClient } from '../../services/servingClient.ts';
import { useSession } from '../../session/session.ts';

/** Routes to choose from, newest first, and their names, each once. */
export function useRouteNames() {
  const { can } = useSession();
  const query = useQuery({
    queryKey: ['routes', 'choices'],
    queryFn: async () => (await servingClient.listRoutes({ limit: 200 })).data,
    enabled: can('route:read'),
  });
  const routes = computed(() => query.data.value ?? []);
  return { query, routes, names: computed(() => [...new Set(routes.value.map(({ name }) => name))]) };
}
