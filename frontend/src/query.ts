import { MutationCache, QueryCache, QueryClient } from '@tanstack/vue-query';
import { ApiError } from '@llm-ops/sdk';
import { suspectOutage } from './session/outage.ts';

/** Asking again helps when nothing answered or the server was down, not when it refused. */
const worthRetrying = (error: unknown) => !(error instanceof ApiError) || error.status === 0 || error.status >= 502;

/** A session that ended is noticed by whatever asks next: the shell then offers to sign in again. */
function onError(error: unknown, of?: { queryKey: readonly unknown[] }): void {
  suspectOutage(error);
  if (error instanceof ApiError && error.status === 401 && of?.queryKey[0] !== 'session') {
    void queryClient.resetQueries({ queryKey: ['session'] });
  }
}

export const queryClient: QueryClient = new QueryClient({
  queryCache: new QueryCache({ onError }),
  mutationCache: new MutationCache({ onError: (error) => onError(error) }),
  defaultOptions: {
    queries: { staleTime: 5_000, retry: (count, error) => count < 2 && worthRetrying(error), retryDelay: 600 },
    mutations: { retry: false },
  },
});
