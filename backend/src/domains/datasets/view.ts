import type { Dataset, DatasetFile } from '@llm-ops/contracts';
import type { Access, Resource } from '#platform/access';
import { failure } from '#platform/errors';
import { columnsOfFiles, completenessOf, digestOfFiles, formatOfFiles, gatesOf } from './rules.ts';
import type { Connection, DatasetRow, DatasetStore, FileRow, NewDataset, Standing } from './store/index.ts';
import { refusalWords } from './refusals.ts';

const iso = (time: Date | null) => time?.toISOString() ?? null;

/** Approved assets are the organization's unless somebody said otherwise. */
export function visibilityOf(row: Pick<DatasetRow, 'visibility' | 'status'>): 'team' | 'organization' {
  return row.visibility ?? (row.status === 'approved' || row.status === 'deprecated' ? 'organization' : 'team');
}

/** A row as the API answers it. `standing` is how it stands with its validations; undefined: there are none. */
export function toDataset(
  row: DatasetRow,
  files: readonly (FileRow & { column_count?: number | null })[],
  standing: Standing | undefined,
  threshold: number,
): Dataset {
  const { source_kind, source_id, huggingface_dataset_id, validated_digest: _, created_at, updated_at, ...rest } = row;
  const completeness = completenessOf(row);
  const digest = digestOfFiles(files);
  const columns = columnsOfFiles(files);
  return {
    ...rest,
    visibility: visibilityOf(row),
    source: { kind: source_kind, dataset_id: source_id, huggingface_dataset_id },
    format: formatOfFiles(files),
    files: files.map(toFile),
    rows: digest === null ? null : files.reduce((sum, { facts }) => sum + (facts?.rows ?? 0), 0),
    size: files.reduce((sum, { size }) => sum + size, 0),
    columns,
    // in lists not all are there
    column_count: Math.max(columns.length, ...files.map(({ column_count: count }) => count ?? 0)),
    files_digest: digest,
    validation_id: standing?.validation_id ?? null,
    completeness,
    gates: gatesOf(gateFacts(row, files, standing, threshold)),
    submitted_at: iso(row.submitted_at),
    approved_at: iso(row.approved_at),
    created_at: created_at.toISOString(),
    updated_at: updated_at.toISOString(),
  };
}

export function gateFacts(
  row: DatasetRow,
  files: readonly FileRow[],
  standing: Standing | undefined,
  threshold: number,
): Parameters<typeof gatesOf>[0] {
  const { parent_version: version = null, parent_ready: ready = false } = standing ?? {};
  return {
    completeness: completenessOf(row),
    files,
    filling: standing?.filling ?? false,
    validatedDigest: row.validated_digest,
    pii: row.pii_scan_status,
    quality: row.quality_score,
    threshold,
    newest: standing?.status ? { status: standing.status, error: standing.error, said: standing.said } : null,
    parent: row.parent_id === null || version === null ? null : { id: row.parent_id, version, ready },
    comparedWith: standing?.compared_with ?? null,
  };
}

export function toFile({ path, size, sha256, status, facts, issues, issue_count }: FileRow): DatasetFile {
  return { path, size, sha256, status, facts, issues, issue_count };
}

/** What policies may ask about. */
export function resourceOf(row: DatasetRow | NewDataset): Resource {
  // a dataset without a type still is one
  return { ...row, type: row.type ?? '', team: row.owner_team, visibility: visibilityOf(row) };
}

export function notFound() {
  return failure('dataset_not_found');
}

/** Nobody changes what is another team's, whoever may see it. */
export function requireTeam(access: Access, team: string): void {
  const { teams, roles } = access.identity;
  if (teams === '*' || roles.includes('admin') || teams.includes(team)) return;
  throw failure('permission_denied', {
    ...refusalWords.tell('other_team', { team }),
    data: { rule: 'team', permission: 'dataset:write' },
  });
}

export type Guard = ReturnType<typeof createGuard>;

/** Rows for those who may have them. */
export function createGuard(store: DatasetStore) {
  function seen(access: Access, row: DatasetRow | null): DatasetRow {
    if (row === null) throw notFound();
    if (!isSeen(access, row)) throw failure('dataset_not_found', { hidden: true });
    access.require('dataset:read', resourceOf(row));
    return row;
  }
  return {
    seen,
    /** Throws `dataset_not_found`, `permission_denied`. */
    read: async (access: Access, id: string, trx?: Connection) => seen(access, await store.find(id, trx)),
    /** The same for a change: the row stays locked until the transaction ends. */
    async change(access: Access, id: string, trx: Connection): Promise<DatasetRow> {
      const row = seen(access, await store.lock(trx, id));
      requireTeam(access, row.owner_team);
      access.require('dataset:write', resourceOf(row));
      return row;
    },
  };
}

export function isSeen(access: Access, row: DatasetRow): boolean {
  return access.sees({ team: row.owner_team, visibility: visibilityOf(row), createdBy: row.created_by });
}

/** A list shows what `isSeen` shows: an API key does not see what its owner made in other teams. */
export function scopeOf(access: Access) {
  const scope = access.scope('dataset:read', 'dataset');
  return access.identity.kind === 'api-key' ? { ...scope, userId: '' } : scope;
}
