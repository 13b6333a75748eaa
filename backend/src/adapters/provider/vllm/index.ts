import type { Provider } from '#ports/provider';
import { compatible } from '../compatible.ts';
import { versioned } from '../fields.ts';

/**
 * https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html. Usage in every chunk by `stream_options.continuous_usage_stats`,
 * which it takes beside `include_usage` only.
 */
export const vllm: Provider = {
  ...compatible,
  kind: 'vllm',
  telemetryName: 'vllm',
  keyless: true,
  streamUsage: 'continuous',
  baseUrl: ({ base_url }) => versioned(base_url),
};
