import type { Provider } from '#ports/provider';
import { listed, text, trimmed } from '../fields.ts';

/** OpenAI, and every service that speaks its API under another `base_url`. https://platform.openai.com/docs/api-reference */
export const openai: Provider = {
  kind: 'openai',
  keyless: false,
  baseUrl: ({ base_url }) => trimmed(text(base_url) ?? 'https://api.openai.com/v1'),
  headers: (apiKey): Record<string, string> => (apiKey === null ? {} : { authorization: `Bearer ${apiKey}` }),
  model: ({ model_name }) => text(model_name),
  modelsUrl: (baseUrl) => `${baseUrl}/models`,
  modelNames: (body) => listed(body, 'data', 'id'),
  same: (name, wanted) => name === wanted,
};
