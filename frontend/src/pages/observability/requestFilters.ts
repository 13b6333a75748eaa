import type { RequestEntry } from '@llm-ops/contracts';

/** Filters of the log in the address, under the API's names. */
export const filterNames = [
  'search',
  'route',
  'environment',
  'model',
  'outcome',
  'since',
  'until',
  'user_id',
  'team',
  'project',
  'api_key_id',
  'endpoint_id',
  'operation',
  'min_latency_ms',
  'request_id',
] as const;
export const operations = ['chat', 'completion', 'embedding'] as const satisfies readonly RequestEntry['operation'][];
