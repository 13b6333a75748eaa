import type { Reply } from '@llm-ops/sdk';
import { keepPreviousData, useInfiniteQuery } from '@tanstack/vue-query';
import { computed, type MaybeRefOrGetter, toValue } from 'vue';

export interface PagedOptions<Row> {
  /** reads again each so many milliseconds while the page is looked at; it may depend on the rows */
  every?: number | false | ((rows: Row[]) => number | false);
}
export type PagedList<Row> = ReturnType<typeof usePagedList<Row>>;

/**
 * A list of the API, page by page. `key` names it in the cache with its filters; a change of the filters reads again while the rows
 * before stay on the screen.
 */
export function usePagedList<Row>(
  key: MaybeRefOrGetter<readonly unknown[]>,
  read: (cursor: string | undefined, signal: AbortSignal) => Promise<Reply<Row[]>>,
  { every = false }: PagedOptions<Row> = {},
) {
  const query = useInfiniteQuery({
    queryKey: computed(() => toValue(key)),
    queryFn: ({ pageParam, signal }) => read(pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last: Reply<Row[]>) => last.next ?? undefined,
    placeholderData: keepPreviousData,
    refetchInterval: ({ state }) =>
      typeof every === 'function' ? every(state.data?.pages.flatMap((page) => page.data) ?? []) : every,
  });
  return {
    rows: computed<Row[]>(() => query.data.value?.pages.flatMap((page) => page.data) ?? []),
    loading: query.isPending,
    refreshing: query.isFetching,
    error: computed(() => (query.isError.value ? query.error.value : null)),
    hasMore: computed(() => query.hasNextPage.value),
    loadingMore: query.isFetchingNextPage,
    more: () => void query.fetchNextPage(),
    refresh: () => void query.refetch(),
  };
}
