import type { Provider } from '#ports/provider';
import { listed, text, trimmed } from '../fields.ts';

/** Ollama by its OpenAI-compatible face. https://github.com/ollama/ollama/blob/main/docs/api/openai-compatibility.mdx */
export const ollama: Provider = {
  kind: 'ollama',
  keyless: true,
  baseUrl({ endpoint }) {
    const place = text(endpoint);
    return place === null ? null : `${trimmed(place).replace(/\/v1$/, '')}/v1`;
  },
  // A proxy in front of it may want a key; Ollama itself ignores it.
  headers: (apiKey): Record<string, string> => (apiKey === null ? {} : { authorization: `Bearer ${apiKey}` }),
  model: ({ model_name }) => text(model_name),
  modelsUrl: (baseUrl) => `${baseUrl.replace(/\/v1$/, '')}/api/tags`,
  modelNames: (body) => listed(body, 'models', 'name'),
  same: (name, wanted) => name === wanted || name === `${wanted}:latest`,
};
