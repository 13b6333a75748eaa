import { QueryClient } from '@tanstack/vue-query';
import { ApiError } from '@llm-ops/sdk';

/** Asking again helps when nothing answered or the server was down, not when it refused. */
const worthRetrying = (error: unknown) => !(error instanceof ApiError) || error.status === 0 || error.status >= 502;

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: { staleTime: 5_000, retry: (count, error) => count < 2 && worthRetrying(error), retryDelay: 600 },
    mutations: { retry: false },
  },
});
