import type { BodyOf, DatasetValidation, datasetRoutes, QueryOf, ValidationOptions } from '@llm-ops/contracts';
import type { Access, Scope } from '#platform/access';
import { failure, type Issue } from '#platform/errors';
import type { Context, Trx } from '#platform/http';
import { uuidv7 } from '#platform/ids';
import type { DatasetsDeps } from './deps.ts';
import type { Actor } from './records.ts';
import { piiTypes } from './pii/index.ts';
import { digestOfFiles } from './rules.ts';
import type { DatasetRow, DatasetStore } from './store/index.ts';
import { defineValidation, validateQueue } from './validation-run.ts';
import { personalOf, toValidation } from './validation-view.ts';
import { isSeen, scopeOf, type Guard } from './view.ts';
import type { Workspace } from './workspace.ts';
import { datasetFieldWords, refusalWords } from './refusals.ts';

type Routes = typeof datasetRoutes;
export type Validations = ReturnType<typeof createValidations>;

/** findings that the validation itself shows */
const shownLocations = 100;
const maxBenchmarks = 50;
/** of the chat lint and near duplicates, as the contract has them */
const defaults: ValidationOptions = { near_duplicate_threshold: 0.8 };

/** What is wrong with the rows of a version, and how good they are. */
export function createValidations(deps: DatasetsDeps & { store: DatasetStore; guard: Guard; workspace: Workspace }) {
  const { store, guard, jobs } = deps;
  const { validations, findings } = store;
  defineValidation(deps);

  async function add(trx: Trx, row: DatasetRow, by: string, options: ValidationOptions): Promise<void> {
    const digest = digestOfFiles(await store.files([row.id], trx));
    if (digest === null) {
      throw failure(
        'dataset_not_ready',
        refusalWords.tell('files_not_ready', { version: row.version, name: row.name }),
      );
    }
    const id = uuidv7();
    await validations.insert(trx, { id, dataset_id: row.id, files_digest: digest, options, requested_by: by });
    await jobs.send(trx, validateQueue, { validationId: id }, { singletonKey: id });
  }

  async function view(row: DatasetRow, which: { succeeded?: boolean }, trx?: Trx): Promise<DatasetValidation> {
    const newest = await validations.newest(row.id, which, trx);
    // read after it, so that a validation that has ended is not shown with a dataset of before
    const dataset = (await store.find(row.id, trx)) ?? row;
    const digest = digestOfFiles(await store.files([row.id], trx));
    const done = newest?.status === 'succeeded';
    const held = done ? await findings.held(row, newest.id, trx) : [];
    const page = { after: 0, limit: shownLocations };
    const locations = done ? await findings.list(row, newest.id, { kind: 'pii' }, page) : [];
    return toValidation({
      dataset,
      digest,
      row: newest,
      held,
      locations: locations.slice(0, shownLocations),
    });
  }

  /** Approved benchmarks to look for contamination with, but for versions of the dataset itself. */
  async function approvedBenchmarks(row: DatasetRow, scope: Scope): Promise<string[]> {
    const page = { limit: maxBenchmarks, cursor: null };
    const rows = await store.list(scope, { type: 'benchmark', status: 'approved' }, page);
    return rows
      .filter(({ owner_team: team, name }) => team !== row.owner_team || name !== row.name)
      .slice(0, maxBenchmarks)
      .map(({ id }) => id);
  }

  /** What was asked for, checked, with the benchmarks named that it will be. Throws `validation_failed`. */
  async function optionsOf(
    access: Access,
    row: DatasetRow,
    asked: BodyOf<Routes['startDatasetValidation']>,
    trx: Trx,
  ): Promise<ValidationOptions> {
    const issues: Issue[] = [];
    const { weights, base_model_id: model, benchmark_ids: named, pii_types: types } = asked;
    if (weights && Object.values(weights).every((weight) => weight === 0))
      issues.push({ path: 'weights', ...datasetFieldWords.tell('weights') });
    if (model && (await deps.tokenizerOf(access, model)) === null)
      issues.push({ path: 'base_model_id', ...datasetFieldWords.tell('base_model') });
    if (named !== undefined) {
      const rows = new Map((await store.findAll(named, trx)).map((one) => [one.id, one]));
      for (const [index, id] of named.entries()) {
        const one = rows.get(id.toLowerCase());
        if (one === undefined || !isSeen(access, one) || one.type !== 'benchmark')
          issues.push({ path: `benchmark_ids.${index}`, ...datasetFieldWords.tell('benchmark') });
      }
    }
    if (types !== undefined) issues.push(...(await unknownTypes(row, types)));
    if (issues.length > 0) throw failure('validation_failed', { issues });
    const benchmarks = named ?? (await approvedBenchmarks(row, scopeOf(access)));
    return { ...asked, benchmark_ids: [...new Set(benchmarks)].filter((id) => id !== row.id) };
  }

  /** Kinds of personal data that are neither built in nor a rule which holds for the dataset. */
  async function unknownTypes(row: DatasetRow, types: readonly string[]): Promise<Issue[]> {
    const rules = (await store.rules.list([row.owner_team])).filter(({ enabled }) => enabled);
    const known = new Set<string>([...piiTypes.map(({ type }) => type), ...rules.map(({ name }) => `custom:${name}`)]);
    if (types.length === 0) return [{ path: 'pii_types', ...datasetFieldWords.tell('kinds_none') }];
    return types.flatMap((type, index) =>
      known.has(type)
        ? []
        : [{ path: `pii_types.${index}`, ...datasetFieldWords.tell('kind', { type, known: [...known] }) }],
    );
  }

  return {
    /** Starts the validation that follows when the files of a version are all ready; one under way is superseded. */
    async autostart(trx: Trx, row: DatasetRow, by: Pick<Actor, 'userId'>): Promise<void> {
      const scope: Scope = { userId: '', teams: [row.owner_team], denied: [], allowed: null };
      await add(trx, row, by.userId, { ...defaults, benchmark_ids: await approvedBenchmarks(row, scope) });
    },

    /** The files are others now: what waits or runs is of no use any more. */
    supersede: (trx: Trx, row: Pick<DatasetRow, 'id'>): Promise<void> => validations.supersede(trx, row.id),

    async start(c: Context<Routes['startDatasetValidation']>): Promise<DatasetValidation> {
      const { access, trx, body } = c;
      const row = await guard.change(access, c.params.id, trx);
      const options = await optionsOf(access, row, body, trx);
      await add(trx, row, access.identity.userId, options);
      const started = await view(row, {}, trx);
      c.note(row.id, { validation_id: started.id, benchmarks: options.benchmark_ids?.length ?? 0 });
      return started;
    },

    async get(access: Access, id: string, query: QueryOf<Routes['getDatasetValidation']>): Promise<DatasetValidation> {
      return view(await guard.read(access, id), { succeeded: query.succeeded === true });
    },

    /** Personal data of files by their newest result; null: there is none. */
    async personal(
      row: DatasetRow,
      digest: string | null,
    ): Promise<{ type: string; count: number; open: number }[] | null> {
      const newest = digest === null ? null : await validations.newest(row.id, { succeeded: true, digest });
      if (!newest?.report) return null;
      return personalOf(newest.report, await findings.held(row, newest.id));
    },
  };
}
