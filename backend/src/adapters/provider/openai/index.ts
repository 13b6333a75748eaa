import type { Provider } from '#ports/provider';
import { compatible } from '../compatible.ts';
import { text, trimmed } from '../fields.ts';

/** OpenAI, and every service that speaks its API under another `base_url`. https://platform.openai.com/docs/api-reference */
export const openai: Provider = {
  ...compatible,
  kind: 'openai',
  telemetryName: 'openai',
  keyless: false,
  streamUsage: 'option',
  baseUrl: ({ base_url }) => trimmed(text(base_url) ?? 'https://api.openai.com/v1'),
};
