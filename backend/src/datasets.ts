import type { Catalog } from '#domains/catalog';
import type { Datasets, DatasetsDeps } from '#domains/datasets';
import type { Config } from '#platform/config';
import type { Egress } from '#platform/egress';
import { createPresidio } from './adapters/entities/presidio.ts';
import type { createTokenizerSource } from './adapters/tokens/index.ts';
import { datasetsConfig } from './settings.ts';

type Given = 'db' | 'objects' | 'uploads' | 'jobs' | 'events' | 'secrets' | 'hub' | 'ensureTeam' | 'log' | 'now';

interface Deps extends Pick<DatasetsDeps, Given> {
  catalog: Pick<Catalog, 'describe' | 'getForServing' | 'trainedOn' | 'registerDatasets'>;
  tokenizer: ReturnType<typeof createTokenizerSource>;
  egress: Egress;
  dataDir: string;
  fourEyes: boolean;
}

/** Datasets with the processes that read their rows, known to the catalog. Their library is large: a gateway does not carry it. */
export async function openDatasets(
  settings: Config['settings'],
  { catalog, tokenizer, egress, dataDir, fourEyes, ...given }: Deps,
  closers: (() => Promise<unknown>)[],
): Promise<Datasets> {
  const [{ createDatasets, engineProgram }, { createWorkers }] = await Promise.all([
    import('#domains/datasets'),
    import('#platform/workers'),
  ]);
  const engine = { program: engineProgram, memoryMb: settings.DATASET_MEMORY_MB, log: given.log };
  const workers = {
    quick: createWorkers({ ...engine, concurrency: 2, idleMs: 60_000 }),
    long: createWorkers({ ...engine, concurrency: settings.DATASET_CONCURRENCY, idleMs: 0 }),
  };
  const { PRESIDIO_URL: url } = settings;
  const datasets = createDatasets({
    ...given,
    workers,
    entities: url === undefined ? null : createPresidio({ egress, url, log: given.log }),
    tokenizerOf: createTokenizers({ catalog, source: tokenizer }),
    config: datasetsConfig(settings, { dataDir, fourEyes }),
  });
  closers.push(() => datasets.close());
  closers.push(() => Promise.all([workers.quick.close(), workers.long.close()]));
  datasets.registerReferences('model', catalog.trainedOn);
  catalog.registerDatasets(datasets);
  return datasets;
}

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
