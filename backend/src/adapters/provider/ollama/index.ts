import type { Provider } from '#ports/provider';
import { compatible } from '../compatible.ts';
import { listed, text, trimmed } from '../fields.ts';
import { createOllamaDialect } from './dialect.ts';

const paths = { chat: '/chat', completion: '/generate', embedding: '/embed' };

/**
 * Ollama by its own API, since its OpenAI face drops what it does not know: `max_completion_tokens`, `tool_choice`, a prompt too long
 * for the context. What is mapped, ignored and refused stands in README.md. https://docs.ollama.com/api
 */
export const ollama: Provider = {
  ...compatible,
  kind: 'ollama',
  telemetryName: 'ollama',
  // A proxy in front of it may want a key; Ollama itself ignores it.
  keyless: true,
  streamUsage: 'always',
  dialect: createOllamaDialect(),
  // all of them 500 in version 0.17
  mistakes: [
    /^invalid JSON schema in format/,
    /^this model only supports one image/,
    /^Failed to create new sequence: /,
  ],
  baseUrl({ endpoint }) {
    const place = text(endpoint);
    return place === null ? null : `${trimmed(place).replace(/\/(?:v1|api)$/, '')}/api`;
  },
  path: (operation) => paths[operation],
  modelsUrl: (baseUrl) => `${baseUrl}/tags`,
  modelNames: (body) => listed(body, 'models', 'name'),
  same: (name, wanted) => name === wanted || name === `${wanted}:latest`,
};
