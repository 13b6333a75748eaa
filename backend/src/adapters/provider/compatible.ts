import type { Operation, Provider } from '#ports/provider';
import { listed, text } from './fields.ts';

const paths = { chat: '/chat/completions', completion: '/completions', embedding: '/embeddings' };

/** What every service that speaks OpenAI's API has alike. */
export const compatible = {
  headers: (apiKey: string | null): Record<string, string> =>
    apiKey === null ? {} : { authorization: `Bearer ${apiKey}` },
  model: ({ model_name }) => text(model_name),
  path: (operation: Operation) => paths[operation],
  dialect: null,
  finishReasons: null,
  mistakes: [],
  modelsUrl: (baseUrl: string) => `${baseUrl}/models`,
  modelNames: (body: unknown) => listed(body, 'data', 'id'),
  same: (name: string, wanted: string) => name === wanted,
} satisfies Partial<Provider>;
