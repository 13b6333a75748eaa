import type { Reply } from '@llm-ops/sdk';
import { computed } from 'vue';
import { type PagedOptions, usePagedList } from './usePagedList.ts';
import { useQueryFilters } from './useQueryFilters.ts';

/**
 * A list of the API whose filters stand in the address: a change of them reads again. `key` is its place in the cache, `names` are the
 * filters as the API calls them; what the address says is handed on as it is, and the API refuses what it does not know.
 */
export function useFilteredList<Row, Query extends object, const Name extends string = never>(
  key: string | readonly string[],
  names: readonly Name[],
  read: (query: Query, signal: AbortSignal) => Promise<Reply<Row[]>>,
  options?: PagedOptions<Row>,
) {
  const { filters, values, active, clear } = useQueryFilters(names);
  const list = usePagedList<Row>(
    computed(() => [...[key].flat(), values.value]),
    (cursor, signal) => read({ ...values.value, limit: 100, cursor } as unknown as Query, signal),
    options,
  );
  return { ...list, filters, values, active, clear };
}
