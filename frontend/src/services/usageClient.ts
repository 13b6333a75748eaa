import type { ArgumentsOf, Tables } from '@llm-ops/sdk';
import { api } from './api.ts';

export const usageClient = {
  summariseUsage: (query?: ArgumentsOf<Tables['summariseUsage']>['query']) => api.call('summariseUsage', { query }),
};
