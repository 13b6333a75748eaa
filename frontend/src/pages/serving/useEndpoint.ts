import { useQuery, useQueryClient } from '@tanstack/vue-query';
import { computed, watch } from 'vue';
import { servingClient } from '../../services/servingClient.ts';
import { usePagedList } from '../../ui/usePagedList.ts';
import { isOpenCanary, isUnsettled, type Revision } from './vocabulary.ts';

/** An endpoint, its revisions and how two of them share the traffic, read again as often as something happens to it. */
export function useEndpoint(id: string) {
  const client = useQueryClient();
  const query = useQuery({
    queryKey: ['endpoint', id],
    queryFn: async () => (await servingClient.getEndpoint(id)).data,
    refetchInterval: ({ state }) => {
      if (!state.data) return false;
      return isUnsettled(state.data) || state.data.status === 'failed' ? 5000 : 30_000;
    },
  });
  const endpoint = query.data;
  const unsettled = computed(() => endpoint.value !== undefined && isUnsettled(endpoint.value));
  const history = usePagedList<Revision>(
    ['endpoint', id, 'revisions'],
    (cursor) => servingClient.listRevisions(id, { limit: 100, cursor }),
    { every: () => (unsettled.value ? 5000 : 30_000) },
  );
  const revisions = history.rows;
  /** Looked at while the wanted revision is not the one that serves, and once to tell how the last one ended. */
  const sharing = useQuery({
    queryKey: ['endpoint', id, 'canary'],
    queryFn: async () => (await servingClient.getCanary(id)).data,
    refetchInterval: ({ state }) => (state.data && isOpenCanary(state.data) ? 5000 : unsettled.value ? 15_000 : false),
  });
  // what began or ended it changed the endpoint too, and both are told on one page
  watch(
    () => sharing.data.value?.state,
    (_, before) => before !== undefined && reload(),
  );
  /** The endpoint, and everything that was read of it. */
  function reload(): void {
    void client.invalidateQueries({ queryKey: ['endpoint', id] });
    void client.invalidateQueries({ queryKey: ['endpoints'] });
  }
  return {
    query,
    endpoint,
    history,
    revisions,
    /** One that ended is of interest as long as nothing newer was asked for. */
    canary: computed(() => {
      const found = sharing.data.value;
      const newest = revisions.value[0]?.number;
      return found && (isOpenCanary(found) || (found.state === 'aborted' && found.revision === newest)) ? found : null;
    }),
    live: computed(
      () => revisions.value.find(({ number }) => number === endpoint.value?.revision) ?? revisions.value[0],
    ),
    reload,
  };
}
