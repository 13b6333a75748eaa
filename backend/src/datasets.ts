import type { Catalog } from '#domains/catalog';
import type { DatasetsDeps } from '#domains/datasets';
import type { createTokenizerSource } from './adapters/tokens/index.ts';

/** The tokenizer of a model and how much it takes in, for who may see the model (null: for the platform itself). */
export function createTokenizers(deps: {
  catalog: Pick<Catalog, 'describe' | 'getForServing'>;
  source: ReturnType<typeof createTokenizerSource>;
}): DatasetsDeps['tokenizerOf'] {
  const { catalog, source } = deps;
  return async (access, modelId) => {
    const known = (await catalog.describe([modelId])).get(modelId.toLowerCase());
    if (known === undefined || access?.sees(known) === false) return null;
    const files = await source(modelId);
    if (files === null) return null;
    const { model } = await catalog.getForServing(modelId);
    return {
      json: Buffer.from(files.json),
      config: files.config === null ? null : Buffer.from(files.config),
      contextLength: model.inspection?.contextLength ?? null,
    };
  };
}
