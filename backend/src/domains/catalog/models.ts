import type { BodyOf, catalogRoutes, Model, QueryOf } from '@llm-ops/contracts';
import type { Access } from '#platform/access';
import { failure, fieldWords } from '#platform/errors';
import { decodeCursor, pageOf, type Context, type Paged, type Trx } from '#platform/http';
import { uuidv7 } from '#platform/ids';
import { placeOfKey, readCard } from './card.ts';
import type { CatalogDeps, KeyReplaced, Reference } from './deps.ts';
import { prefixOf } from './paths.ts';
import { differences } from './rules.ts';
import type { Card, CatalogStore, ModelRow } from './store/index.ts';
import { cardOf, isSeen, requireTeam, resourceOf, scopeOf, toModel, type Guard } from './view.ts';
import { words } from './refusals.ts';

export const removeFilesQueue = 'catalog.remove-files';

type Routes = typeof catalogRoutes;
type Noting = Pick<Context, 'access' | 'trx' | 'note'>;
export type Models = ReturnType<typeof createModels>;

export const keyOwner = (id: string) => `model:${id}`;

export function createModels(
  deps: CatalogDeps & {
    store: CatalogStore;
    guard: Guard;
    references(trx: Trx, id: string): Promise<Reference[]>;
    keyReplaced: KeyReplaced;
  },
) {
  const { store, guard, secrets, events, jobs } = deps;

  async function withFiles(rows: readonly ModelRow[], trx?: Trx): Promise<Model[]> {
    const files = await store.files(
      rows.map(({ id }) => id),
      trx,
    );
    return rows.map((row) =>
      toModel(
        row,
        files.filter(({ model_id }) => model_id === row.id),
      ),
    );
  }

  async function view(row: ModelRow, trx?: Trx): Promise<Model> {
    return (await withFiles([row], trx))[0]!;
  }

  async function pageOfModels(rows: ModelRow[], limit: number): Promise<Paged<Model[]>> {
    const page = pageOf(rows, limit, (row) => ({ at: row.created_at, id: row.id }));
    return { rows: await withFiles(page.rows), next: page.next };
  }

  async function requireBase(access: Access, id: string | null, trx: Trx): Promise<void> {
    if (id === null) return;
    const row = await store.find(id, trx);
    if (row !== null && isSeen(access, row)) return;
    throw failure('validation_failed', { issues: [{ path: 'base_model_id', ...words.tell('no_base') }] });
  }

  /** A new draft with its key and the first entry of its history. Throws `model_version_exists`. */
  async function add(
    c: Noting,
    asked: Omit<BodyOf<Routes['createModel']>, 'metadata' | 'visibility'> & {
      metadata: Record<string, unknown>;
      visibility?: 'team' | 'organization' | null | undefined;
    },
    apiKey: string | undefined,
  ): Promise<ModelRow> {
    const { access, trx } = c;
    const id = uuidv7();
    const row = {
      id,
      name: asked.name,
      version: asked.version,
      type: asked.type,
      model_family: asked.model_family ?? null,
      status: 'draft' as const,
      owner_team: asked.owner_team,
      project: asked.project ?? null,
      visibility: asked.visibility ?? null,
      metadata: asked.metadata,
      lineage_dataset_ids: [...new Set(asked.lineage_dataset_ids)],
      base_model_id: asked.base_model_id ?? null,
      storage_uri: null,
      inspection: null,
      has_api_key: apiKey !== undefined,
      pickle_accepted: false,
      submitted_by: null,
      submitted_at: null,
      approved_by: null,
      approved_at: null,
      approval_digest: null,
      review_notes: null,
      created_by: access.identity.userId,
    };
    requireTeam(access, row.owner_team);
    access.require('model:write', resourceOf(row));
    await requireBase(access, row.base_model_id, trx);
    await deps.ensureTeam(trx, row.owner_team, access.identity);
    const inserted = await store.insert(trx, row);
    if (inserted === null) {
      const { owner_team: team, version, name } = row;
      throw failure('model_version_exists', words.tell('version_taken', { team, version, name }));
    }
    if (apiKey !== undefined) await secrets.put(trx, keyOwner(id), 'api_key', apiKey);
    await store.addChange(trx, id, row.created_by, cardOf(inserted), differences({}, cardOf(inserted)));
    await events.publish(trx, 'model.created', { modelId: id, by: row.created_by });
    c.note(id, { name: row.name, version: row.version, type: row.type, owner_team: row.owner_team });
    return inserted;
  }

  /**
   * Replaces the card of a locked draft and keeps what it was. A key goes only where it was registered for: with another provider or
   * address it is forgotten unless it was given again.
   */
  async function writeCard(
    c: Noting,
    row: ModelRow,
    card: Card & { project?: string | null; visibility?: 'team' | 'organization' },
    apiKey: string | undefined,
  ): Promise<ModelRow> {
    const { trx, access } = c;
    const changes = differences(cardOf(row), cardOf(card));
    const moved = row.has_api_key && apiKey === undefined && placeOfKey(row.metadata) !== placeOfKey(card.metadata);
    if (moved) await secrets.remove(trx, keyOwner(row.id));
    if (apiKey !== undefined) await secrets.put(trx, keyOwner(row.id), 'api_key', apiKey);
    const updated = await store.update(trx, row.id, {
      ...card,
      has_api_key: apiKey !== undefined || (row.has_api_key && !moved),
    });
    if (changes.length > 0) await store.addChange(trx, row.id, access.identity.userId, cardOf(updated), changes);
    c.note(row.id, {
      fields: changes.map(({ path }) => path),
      ...(apiKey === undefined ? {} : { api_key: 'replaced' }),
    });
    return updated;
  }

  return {
    view,
    withFiles,
    pageOfModels,
    add,
    writeCard,
    requireBase,

    async list(access: Access, query: QueryOf<Routes['listModels']>): Promise<Paged<Model[]>> {
      const { limit, cursor, ...filters } = query;
      return pageOfModels(await store.list(scopeOf(access), filters, { limit, cursor: cursorOf(cursor) }), limit);
    },

    async create(c: Context<Routes['createModel']>): Promise<Model> {
      const { metadata, apiKey } = readCard(c.body.type, c.body.metadata);
      return view(await add(c, { ...c.body, metadata }, apiKey), c.trx);
    },

    async get(access: Access, id: string): Promise<Model> {
      return view(await guard.read(access, id));
    },

    async update(c: Context<Routes['updateModel']>): Promise<Model> {
      const { body, trx, access } = c;
      const row = await guard.change(access, c.params.id, trx);
      requireDraft(row);
      const written =
        body.metadata === undefined ? { metadata: row.metadata, apiKey: undefined } : readCard(row.type, body.metadata);
      const card = {
        metadata: written.metadata,
        model_family: body.model_family === undefined ? row.model_family : body.model_family,
        lineage_dataset_ids: body.lineage_dataset_ids
          ? [...new Set(body.lineage_dataset_ids)]
          : row.lineage_dataset_ids,
        base_model_id: body.base_model_id === undefined ? row.base_model_id : body.base_model_id,
        ...(body.project === undefined ? {} : { project: body.project }),
        ...(body.visibility === undefined ? {} : { visibility: body.visibility }),
      };
      if (card.base_model_id?.toLowerCase() === row.id) {
        throw failure('validation_failed', {
          issues: [{ path: 'base_model_id', ...words.tell('own_base') }],
        });
      }
      if (card.base_model_id !== row.base_model_id) await requireBase(access, card.base_model_id, trx);
      return view(await writeCard(c, row, card, written.apiKey), trx);
    },

    async remove(c: Context<Routes['deleteModel']>): Promise<{ id: string; filesRemoved: number; filesLeft: number }> {
      const { access, trx } = c;
      const row = guard.seen(access, await store.lock(trx, c.params.id));
      requireTeam(access, row.owner_team);
      access.require('model:delete', resourceOf(row));
      const users = await deps.references(trx, row.id);
      if (users.length > 0) {
        const named = users.map(({ kind, label, id }) => `${kind} ${label} (${id})`);
        throw failure('model_in_use', {
          ...words.tell('used', { users: named }),
          data: { references: users },
          issues: users.map(({ kind, id, label }) => ({ path: `${kind}:${id}`, message: label })),
        });
      }
      const files = await store.files([row.id], trx);
      await secrets.remove(trx, keyOwner(row.id));
      await store.remove(trx, row.id);
      await jobs.send(trx, removeFilesQueue, {
        modelId: row.id,
        prefix: prefixOf(row),
        by: { userId: access.identity.userId, kind: access.identity.kind, roles: access.identity.roles },
      });
      await events.publish(trx, 'model.deleted', { modelId: row.id, by: access.identity.userId });
      c.note(row.id, { name: row.name, version: row.version, files: files.length, storage_uri: row.storage_uri });
      // the objects go after the commit, so that a failed delete keeps them
      return { id: row.id, filesRemoved: 0, filesLeft: files.length };
    },

    /** Also of what is frozen: a key is no part of what was approved, and it goes only where it was registered for. */
    async replaceKey(c: Context<Routes['replaceModelKey']>): Promise<Model> {
      const { trx } = c;
      const row = await guard.change(c.access, c.params.id, trx);
      if (row.type !== 'external') throw failure('model_not_external');
      await secrets.put(trx, keyOwner(row.id), 'api_key', c.body.api_key);
      await deps.keyReplaced(trx, row.id);
      c.note(row.id, { name: row.name, version: row.version, api_key: row.has_api_key ? 'replaced' : 'added' });
      return view(row.has_api_key ? row : await store.update(trx, row.id, { has_api_key: true }), trx);
    },

    async testConnection(c: Context<Routes['testModelConnection']>) {
      const row = await guard.read(c.access, c.params.id, c.trx);
      if (row.type !== 'external') throw failure('model_not_external');
      requireTeam(c.access, row.owner_team);
      const apiKey = row.has_api_key ? await secrets.get(keyOwner(row.id), 'api_key', c.trx) : null;
      const result = await deps.testConnection({ metadata: row.metadata, apiKey });
      c.note(row.id, { ok: result.ok });
      return result;
    },
  };
}

/** Throws `model_frozen` for what was submitted. */
export function requireDraft(row: ModelRow): void {
  if (row.status === 'draft') return;
  const { name, version, status } = row;
  throw failure('model_frozen', words.tell('frozen', { name, version, status }));
}

/** Of a list; the id must be a UUID in earnest before PostgreSQL sees it. */
export function cursorOf(text: string | undefined) {
  const cursor = decodeCursor(text);
  if (cursor === null || /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(cursor.id)) return cursor;
  throw failure('validation_failed', {
    issues: [{ path: 'cursor', ...fieldWords.tell('cursor') }],
  });
}
