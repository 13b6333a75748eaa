import { isDeepStrictEqual } from 'node:util';
import type { BodyOf, Dataset, datasetRoutes, QueryOf } from '@llm-ops/contracts';
import type { Access, Identity } from '#platform/access';
import { failure, type Issue } from '#platform/errors';
import { decodeCursor, pageOf, type Context, type Paged, type Trx } from '#platform/http';
import { uuidv7 } from '#platform/ids';
import type { DatasetReference, DatasetsDeps } from './deps.ts';
import { prefixOf, rowsPrefixOf } from './paths.ts';
import type { DatasetRow, DatasetStore, NewDataset } from './store/index.ts';
import { requireTeam, resourceOf, scopeOf, toDataset, type Guard } from './view.ts';
import { datasetFieldWords, refusalWords, statusLine } from './refusals.ts';

/** columns of a file that an entry of a list names */
const listedColumns = 100;

export const removeFilesQueue = 'datasets.remove-files';

type Routes = typeof datasetRoutes;
type Noting = Pick<Context, 'access' | 'trx' | 'note'>;
export type Records = ReturnType<typeof createRecords>;

/** What a new version is made of; what is left out is empty. */
export type NewRecord = Pick<BodyOf<Routes['createDataset']>, 'name' | 'version' | 'owner_team'> &
  Partial<Omit<BodyOf<Routes['createDataset']>, 'name' | 'version' | 'owner_team' | 'visibility'>> & {
    visibility?: 'team' | 'organization' | null | undefined;
  };

export interface Origin {
  kind: DatasetRow['source_kind'];
  /** the version that it is made from */
  sourceId?: string;
  huggingFaceId?: string;
  /** the version that it follows; default: the newest of its name, if there is one */
  parentId?: string;
}

/** Who did something, as durable jobs carry it. */
export type Actor = Pick<Identity, 'userId' | 'kind' | 'roles'>;

export function actorOf({ userId, kind, roles }: Actor): Actor {
  return { userId, kind, roles };
}

/** Those that refer to a dataset now, and so keep it from being deleted. */
export type References = (trx: Trx, id: string) => Promise<DatasetReference[]>;

export function createRecords(
  deps: DatasetsDeps & {
    store: DatasetStore;
    guard: Guard;
    references: References;
    /** what is asked of the rows of a locked draft is another thing now */
    revalidate(trx: Trx, row: DatasetRow, by: Actor): Promise<DatasetRow>;
  },
) {
  const { store, guard, events, jobs, config } = deps;

  /** Rows of a list as the API answers them, in their order. */
  const viewAll = (rows: readonly DatasetRow[], trx?: Trx): Promise<Dataset[]> => viewed(rows, listedColumns, trx);

  /** `columns`: at most so many of a file; null: all */
  async function viewed(rows: readonly DatasetRow[], columns: number | null, trx?: Trx): Promise<Dataset[]> {
    const ids = rows.map(({ id }) => id);
    const files = columns === null ? await store.files(ids, trx) : await store.fileHeads(ids, columns, trx);
    const standings = await store.standings(ids, trx);
    return rows.map((row) =>
      toDataset(
        row,
        files.filter((file) => file.dataset_id === row.id),
        standings.get(row.id),
        config.threshold,
      ),
    );
  }

  async function view(row: DatasetRow, trx?: Trx): Promise<Dataset> {
    return (await viewed([row], null, trx))[0]!;
  }

  /** A page of rows of which there may be one too many. */
  async function pageOfRows(rows: DatasetRow[], limit: number): Promise<Paged<Dataset[]>> {
    const page = pageOf(rows, limit, (row) => ({ at: row.created_at, id: row.id }));
    return { rows: await viewAll(page.rows), next: page.next };
  }

  /** A new draft. Throws `dataset_version_exists`, `permission_denied`, `team_not_found`, `validation_failed`. */
  async function add(c: Noting, asked: NewRecord, origin: Origin): Promise<DatasetRow> {
    const { access, trx } = c;
    checkRules(asked.column_rules ?? []);
    const row: NewDataset = {
      id: uuidv7(),
      name: asked.name,
      version: asked.version,
      type: asked.type ?? null,
      status: 'draft',
      owner_team: asked.owner_team,
      project: asked.project ?? null,
      visibility: asked.visibility ?? null,
      metadata: asked.metadata ?? {},
      change_log: asked.change_log ?? null,
      key_columns: [...new Set(asked.key_columns)],
      column_rules: asked.column_rules ?? [],
      task: asked.task || null,
      source_kind: origin.kind,
      source_id: origin.sourceId ?? null,
      huggingface_dataset_id: origin.huggingFaceId ?? null,
      parent_id: origin.parentId ?? (await store.newestOf(asked.owner_team, asked.name, trx))?.id ?? null,
      storage_uri: null,
      pii_scan_status: 'pending',
      quality_score: null,
      validated_digest: null,
      submitted_by: null,
      submitted_at: null,
      approved_by: null,
      approved_at: null,
      approval_digest: null,
      review_notes: null,
      created_by: access.identity.userId,
    };
    requireTeam(access, row.owner_team);
    access.require('dataset:write', resourceOf(row));
    await deps.ensureTeam(trx, row.owner_team, access.identity);
    const inserted = await store.insert(trx, row);
    if (inserted === null) {
      throw failure(
        'dataset_version_exists',
        refusalWords.tell('version_taken', { team: row.owner_team, version: row.version, name: row.name }),
      );
    }
    await events.publish(trx, 'dataset.created', { datasetId: row.id, by: row.created_by });
    c.note(row.id, { name: row.name, version: row.version, type: row.type, owner_team: row.owner_team });
    return inserted;
  }

  return {
    view,
    viewAll,
    pageOf: pageOfRows,
    add,

    async list(access: Access, query: QueryOf<Routes['listDatasets']>): Promise<Paged<Dataset[]>> {
      const { limit, cursor, ...filters } = query;
      return pageOfRows(await store.list(scopeOf(access), filters, { limit, cursor: decodeCursor(cursor) }), limit);
    },

    async create(c: Context<Routes['createDataset']>): Promise<Dataset> {
      return view(await add(c, c.body, { kind: 'upload' }), c.trx);
    },

    async get(access: Access, id: string): Promise<Dataset> {
      return view(await guard.read(access, id));
    },

    async update(c: Context<Routes['updateDataset']>): Promise<Dataset> {
      const { body, trx } = c;
      const row = await guard.change(c.access, c.params.id, trx);
      requireDraft(row);
      if (body.column_rules !== undefined) checkRules(body.column_rules);
      const { key_columns: keys, task, ...plain } = body;
      const change = Object.fromEntries(Object.entries(plain).filter(([, value]) => value !== undefined));
      const updated = await store.update(trx, row.id, {
        ...change,
        ...(keys === undefined ? {} : { key_columns: [...new Set(keys)] }),
        ...(task === undefined ? {} : { task: task || null }),
      });
      c.note(row.id, { fields: Object.keys(body) });
      // what a validation finds hangs on these
      const anew = changesResult(row, body);
      return view(anew ? await deps.revalidate(trx, updated, actorOf(c.access.identity)) : updated, trx);
    },

    async remove(
      c: Context<Routes['deleteDataset']>,
    ): Promise<{ id: string; filesRemoved: number; filesLeft: number }> {
      const { access, trx } = c;
      const row = guard.seen(access, await store.lock(trx, c.params.id));
      requireTeam(access, row.owner_team);
      access.require('dataset:delete', resourceOf(row));
      refuseUsed(access, await deps.references(trx, row.id));
      const files = await store.files([row.id], trx);
      await store.remove(trx, row.id);
      const by = actorOf(access.identity);
      for (const prefix of [prefixOf(row), rowsPrefixOf(row)])
        await jobs.send(trx, removeFilesQueue, { datasetId: row.id, prefix, by });
      await events.publish(trx, 'dataset.deleted', { datasetId: row.id, by: by.userId });
      c.note(row.id, { name: row.name, version: row.version, files: files.length, storage_uri: row.storage_uri });
      // the objects go after the commit, so that a failed delete keeps them
      return { id: row.id, filesRemoved: 0, filesLeft: files.length };
    },
  };
}

/** Throws `dataset_frozen` for what was submitted. */
export function requireDraft(row: DatasetRow): void {
  if (row.status === 'draft') return;
  throw failure(
    'dataset_frozen',
    refusalWords.tell('frozen', { version: row.version, name: row.name, status: statusLine(row.status) }),
  );
}

/** Those that the asker may see are named; the others are counted. */
function refuseUsed(access: Access, users: readonly DatasetReference[]): void {
  if (users.length === 0) return;
  const seen = users.filter((user) => isVisible(access, user));
  const named = seen.map(({ kind, label, id }) => `${kind} ${label} (${id})`);
  throw failure('dataset_in_use', {
    ...usedBy(named, users.length - seen.length),
    data: { references: seen.map(({ kind, id, label, status }) => ({ kind, id, label, status })) },
    issues: seen.map(({ kind, id, label }) => ({ path: `${kind}:${id}`, message: label })),
  });
}

function usedBy(users: readonly string[], rest: number) {
  if (rest === 0) return refusalWords.tell('used', { users });
  return users.length === 0
    ? refusalWords.tell('used_unseen', { rest })
    : refusalWords.tell('used_and_unseen', { users, rest });
}

export function isVisible(access: Access, { owner }: DatasetReference): boolean {
  return owner === undefined || access.sees(owner);
}

type Rule = DatasetRow['column_rules'][number];

function checkRules(rules: readonly Rule[]): void {
  const issues: Issue[] = [];
  const names = new Set<string>();
  for (const [index, rule] of rules.entries()) {
    const path = `column_rules.${index}`;
    if (names.has(rule.name))
      issues.push({ path: `${path}.name`, ...datasetFieldWords.tell('rule_twice', { name: rule.name }) });
    names.add(rule.name);
    if (rule.minimum !== undefined && rule.maximum !== undefined && rule.minimum > rule.maximum)
      issues.push({ path: `${path}.minimum`, ...datasetFieldWords.tell('minimum') });
    if (rule.min_length !== undefined && rule.max_length !== undefined && rule.min_length > rule.max_length)
      issues.push({ path: `${path}.min_length`, ...datasetFieldWords.tell('min_length') });
  }
  if (issues.length > 0) throw failure('validation_failed', { issues });
}

function changesResult(row: DatasetRow, body: BodyOf<Routes['updateDataset']>): boolean {
  const fields = ['type', 'column_rules', 'key_columns'] as const;
  return fields.some((field) => body[field] !== undefined && !isDeepStrictEqual(body[field], row[field]));
}
