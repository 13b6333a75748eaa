import { createHmac, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isFailure } from '#platform/errors';
import { benchmarkColumns } from './benchmarks.ts';
import type { DatasetsDeps } from './deps.ts';
import type { PiiOptions, RowsFile, ValidateInput } from './engine/tasks.ts';
import { columnsOfFiles } from './rules.ts';
import type { DatasetRow, DatasetStore, FileRow, ValidationRow } from './store/index.ts';
import { keptFindings } from './validation-view.ts';
import type { Workspace } from './workspace.ts';

/** what no model takes in at once */
const anyTokens = 10_000_000;

/**
 * How personal data of a dataset is looked for. The key is its own, and that of all its versions: what was decided about a content holds
 * in each of them, and the same content gets the same pseudonym, but nothing links two datasets.
 */
export async function piiOptionsOf(
  deps: Pick<DatasetsDeps, 'secrets' | 'entities'> & { store: DatasetStore },
  row: DatasetRow,
  asked: { types: string[] | null; ner: boolean },
): Promise<PiiOptions> {
  const master = await deps.secrets.ensure('datasets', 'pii_key', () => randomBytes(32).toString('hex'));
  const own = (await deps.store.rules.list([row.owner_team])).filter(({ enabled }) => enabled);
  return {
    types: asked.types,
    rules: own.map(({ name, pattern, context, confidence }) => ({ name, pattern, context, confidence })),
    key: createHmac('sha256', Buffer.from(master, 'hex')).update(`${row.owner_team}\0${row.name}`).digest('hex'),
    triaged: await deps.store.findings.triages(row),
    ner: asked.ner && deps.entities !== null,
  };
}

/** What the engine needs to validate, with all of it on this machine until `release`. */
export async function validationInput(
  deps: DatasetsDeps & { store: DatasetStore; workspace: Workspace },
  given: { row: ValidationRow; dataset: DatasetRow; files: readonly FileRow[]; folder: string; scratch: string },
): Promise<{ input: ValidateInput; against: DatasetRow | null; release(): void }> {
  const { store, workspace, log, config } = deps;
  const { row, dataset, files, folder, scratch } = given;
  const { options } = row;
  const held: (() => void)[] = [];
  const release = () => held.forEach((end) => end());

  async function rowsOf(of: DatasetRow, its: readonly FileRow[]): Promise<RowsFile[]> {
    const found = await workspace.rowsOf(of, its);
    held.push(found.release);
    return found.files;
  }

  /** Rows of another version, where it has any: a validation does not fail because something else is gone. */
  async function others(of: DatasetRow | null): Promise<{ rows: RowsFile[]; files: FileRow[] } | null> {
    if (of === null) return null;
    const its = await store.files([of.id]);
    try {
      return { rows: await rowsOf(of, its), files: its };
    } catch (error) {
      if (!isFailure(error, 'dataset_not_ready') && !isFailure(error, 'object_not_found')) throw error;
      log.info(
        { datasetId: of.id, validationId: row.id, reason: error.message },
        'a validation goes without these rows',
      );
      return null;
    }
  }

  async function benchmarks(): Promise<ValidateInput['benchmarks']> {
    const found: ValidateInput['benchmarks'] = [];
    for (const one of await store.findAll(options.benchmark_ids ?? [])) {
      const there = await others(one);
      if (there === null) continue;
      const columns = columnsOfFiles(there.files);
      const { input, reference } = benchmarkColumns(columns);
      const named = [input, reference].filter((name) => name !== null);
      const texts = columns.filter(({ type }) => type === 'string' || type === 'mixed').map(({ name }) => name);
      found.push({
        id: one.id,
        name: `${one.name} ${one.version}`,
        files: there.rows,
        columns: named.length > 0 ? named : texts,
      });
    }
    return found;
  }

  async function tokenizer(): Promise<ValidateInput['tokenizer']> {
    const model = options.base_model_id ? await deps.tokenizerOf(null, options.base_model_id) : null;
    if (model === null) return null;
    const json = path.join(folder, 'tokenizer.json');
    await writeFile(json, model.json);
    const settings = model.config && path.join(folder, 'tokenizer_config.json');
    if (settings !== null) await writeFile(settings, model.config!);
    return { json, config: settings, maxTokens: options.max_tokens ?? model.contextLength ?? anyTokens };
  }

  try {
    const parent = dataset.parent_id === null ? null : await store.find(dataset.parent_id);
    const before = await others(parent);
    const input: ValidateInput = {
      files: await rowsOf(dataset, files),
      facts: files.map(({ facts }) => facts!),
      type: dataset.type,
      rules: dataset.column_rules,
      keyColumns: dataset.key_columns,
      pii: await piiOptionsOf(deps, dataset, { types: options.pii_types ?? null, ner: options.ner ?? true }),
      weights: options.weights ?? config.weights,
      threshold: config.threshold,
      nearThreshold: options.near_duplicate_threshold,
      tokenizer: await tokenizer(),
      benchmarks: await benchmarks(),
      previous: before && { files: before.rows },
      findings: path.join(folder, 'findings.jsonl'),
      columns: path.join(folder, 'columns.jsonl'),
      keep: keptFindings,
      scratch,
    };
    return { input, against: before && parent, release };
  } catch (error) {
    release();
    throw error;
  }
}
