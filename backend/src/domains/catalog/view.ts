import type { Model } from '@llm-ops/contracts';
import type { Access, Resource } from '#platform/access';
import { failure } from '#platform/errors';
import { completenessOf } from './rules.ts';
import type { Card, CatalogStore, Connection, FileRow, ModelRow } from './store/index.ts';
import { words } from './refusals.ts';

const iso = (time: Date | null) => time?.toISOString() ?? null;

/** Approved assets are the organization's unless somebody said otherwise. */
export function visibilityOf(row: ModelRow): 'team' | 'organization' {
  return row.visibility ?? (row.status === 'approved' || row.status === 'deprecated' ? 'organization' : 'team');
}

export function holdsPickle(files: readonly FileRow[]): boolean {
  return files.some(({ facts }) => facts.kind === 'pickle');
}

/** A row as the API answers it. */
export function toModel(row: ModelRow, files: readonly FileRow[]): Model {
  const { created_at: createdAt, updated_at: updatedAt, ...rest } = row;
  return {
    ...rest,
    visibility: visibilityOf(row),
    files: files.map(toFile),
    completeness: completenessOf(row),
    contains_pickle: holdsPickle(files),
    submitted_at: iso(row.submitted_at),
    approved_at: iso(row.approved_at),
    created_at: createdAt.toISOString(),
    updated_at: updatedAt.toISOString(),
  };
}

export function toFile({ path, size, sha256, status, notes }: FileRow): Model['files'][number] {
  return { path, size, sha256, status, notes };
}

/** What policies may ask about. */
export function resourceOf(row: ModelRow | Omit<ModelRow, 'created_at' | 'updated_at'>): Resource {
  return { ...row, team: row.owner_team, visibility: visibilityOf(row as ModelRow) };
}

export function cardOf(row: Card): Card {
  const { model_family, metadata, lineage_dataset_ids, base_model_id } = row;
  return { model_family, metadata, lineage_dataset_ids, base_model_id };
}

export function notFound() {
  return failure('model_not_found');
}

/** Nobody changes what is another team's, whoever may see it. */
export function requireTeam(access: Access, team: string): void {
  const { teams, roles } = access.identity;
  if (teams === '*' || roles.includes('admin') || teams.includes(team)) return;
  throw failure('permission_denied', {
    ...words.tell('other_team', { team }),
    data: { rule: 'team', permission: 'model:write' },
  });
}

export type Guard = ReturnType<typeof createGuard>;

/** Rows for those who may have them. */
export function createGuard(store: CatalogStore) {
  function seen(access: Access, row: ModelRow | null): ModelRow {
    if (row === null) throw notFound();
    if (!isSeen(access, row)) throw failure('model_not_found', { hidden: true });
    access.require('model:read', resourceOf(row));
    return row;
  }
  return {
    seen,
    /** Throws `model_not_found`, `permission_denied`. */
    read: async (access: Access, id: string, trx?: Connection) => seen(access, await store.find(id, trx)),
    /** The same for a change: the row stays locked until the transaction ends. */
    async change(access: Access, id: string, trx: Connection): Promise<ModelRow> {
      const row = seen(access, await store.lock(trx, id));
      requireTeam(access, row.owner_team);
      access.require('model:write', resourceOf(row));
      return row;
    },
  };
}

export function isSeen(access: Access, row: ModelRow): boolean {
  return access.sees({ team: row.owner_team, visibility: visibilityOf(row), createdBy: row.created_by });
}

/** A list shows what `isSeen` shows: an API key does not see what its owner made in other teams. */
export function scopeOf(access: Access) {
  const scope = access.scope('model:read', 'model');
  return access.identity.kind === 'api-key' ? { ...scope, userId: '' } : scope;
}
