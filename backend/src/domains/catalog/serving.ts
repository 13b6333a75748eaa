import type { Completeness } from '@llm-ops/contracts';
import type { z } from 'zod';
import { failure } from '#platform/errors';
import type { Trx } from '#platform/http';
import type { ModelFacts } from '#ports/runtime';
import type { CatalogDeps } from './deps.ts';
import { isWeights } from './inspect/index.ts';
import { keyOwner } from './models.ts';
import { prefixOf } from './paths.ts';
import { completenessOf, digestOfFiles } from './rules.ts';
import type { CatalogStore, Connection, FileRow, ModelRow } from './store/index.ts';
import { holdsPickle, notFound, visibilityOf } from './view.ts';
import { words } from './refusals.ts';

/** A model version as other domains see it. */
export interface ServableModel {
  id: string;
  name: string;
  version: string;
  type: ModelRow['type'];
  status: ModelRow['status'];
  ownerTeam: string;
  project: string | null;
  /** in force: an approved model is the organization's unless somebody said otherwise */
  visibility: 'team' | 'organization';
  createdBy: string;
  storageUri: string | null;
  /** object keys are `prefix` + path */
  prefix: string;
  files: { path: string; size: number; sha256: string }[];
  /** of the file set: what an approval binds to and what converted models are cached by */
  filesDigest: string;
  metadata: Record<string, unknown>;
  inspection: ModelFacts | null;
  completeness: z.infer<typeof Completeness>;
  containsPickle: boolean;
  pickleAccepted: boolean;
  hasApiKey: boolean;
}

export function createServing(deps: CatalogDeps & { store: CatalogStore }) {
  const { store, objects, secrets } = deps;

  async function load(id: string, trx?: Connection): Promise<{ row: ModelRow; files: FileRow[] }> {
    const row = await store.find(id, trx);
    if (row === null) throw notFound();
    return { row, files: await store.files([id], trx) };
  }

  async function checkStored(row: ModelRow, files: readonly FileRow[]): Promise<void> {
    const gone: string[] = [];
    for (const { path, size } of files) {
      const there = await objects.stat(prefixOf(row) + path);
      if (there?.size !== size) gone.push(path);
    }
    if (gone.length === 0) return;
    throw failure('model_files_missing', {
      ...words.tell('files_gone', { paths: gone }),
      issues: gone.map((path) => ({ path, ...words.tell('file_gone') })),
    });
  }

  return {
    /**
     * The model for a deployment, checked (FR-001a). Throws `model_not_found`, `model_not_approved`, `model_incomplete`,
     * `model_files_unverified`, `model_file_invalid`, `model_approval_void`, `model_files_missing`, `model_pickle_not_accepted`.
     */
    async deployable(id: string, trx?: Trx): Promise<{ model: ServableModel }> {
      const { row, files } = await load(id, trx);
      checkServable(row, files);
      if (row.type !== 'external') await checkStored(row, files);
      return { model: toServable(row, files) };
    },

    /** The model as it is, without any check but that it is there. Throws `model_not_found`. */
    async getForServing(id: string, trx?: Trx): Promise<{ model: ServableModel }> {
      const { row, files } = await load(id, trx);
      return { model: toServable(row, files) };
    },

    /** What models are called and who sees them, for lists that refer to them; those that are not there are left out. */
    async describe(
      ids: readonly string[],
    ): Promise<Map<string, Pick<ServableModel, 'name' | 'version' | 'visibility' | 'createdBy'> & { team: string }>> {
      const rows = await store.findAll(ids);
      return new Map(
        rows.map((row) => {
          const { name, version, owner_team: team, created_by: createdBy } = row;
          return [row.id, { name, version, team, visibility: visibilityOf(row), createdBy }];
        }),
      );
    },

    /** Keeps a model from being deleted until the transaction ends, for whoever writes a row that refers to it. Throws `model_not_found`. */
    async hold(trx: Trx, id: string): Promise<void> {
      if (!(await store.hold(trx, id))) throw notFound();
    },

    /** Models that name a dataset in their lineage, for whoever would delete it or shows its lineage. */
    async trainedOn(trx: Trx, datasetId: string) {
      const rows = await store.trainedOn(datasetId, trx);
      return rows.map((row) => ({
        kind: 'model' as const,
        id: row.id,
        label: `${row.name} ${row.version}`,
        status: row.status,
        owner: { team: row.owner_team, visibility: visibilityOf(row), createdBy: row.created_by },
      }));
    },

    /** The key of an external provider; null when it has none. */
    externalSecret: (id: string): Promise<string | null> => secrets.get(keyOwner(id), 'api_key'),
  };
}

function toServable(row: ModelRow, files: readonly FileRow[]): ServableModel {
  return {
    id: row.id,
    name: row.name,
    version: row.version,
    type: row.type,
    status: row.status,
    ownerTeam: row.owner_team,
    project: row.project,
    visibility: visibilityOf(row),
    createdBy: row.created_by,
    storageUri: row.storage_uri,
    prefix: prefixOf(row),
    files: files.map(({ path, size, sha256 }) => ({ path, size, sha256 })),
    filesDigest: digestOfFiles(files),
    metadata: row.metadata,
    inspection: row.inspection,
    completeness: completenessOf(row),
    containsPickle: holdsPickle(files),
    pickleAccepted: row.pickle_accepted,
    hasApiKey: row.has_api_key,
  };
}

/** Everything that rows alone tell. */
function checkServable(row: ModelRow, files: readonly FileRow[]): void {
  if (row.status !== 'approved') {
    const voided = row.review_notes?.startsWith('Void: ') && row.status === 'under_review';
    if (voided) throw failure('model_approval_void', { message: row.review_notes! });
    const { name, version, status } = row;
    throw failure('model_not_approved', words.tell('not_approved', { name, version, status }));
  }
  const missing = completenessOf(row).missing.filter(({ required }) => required);
  if (missing.length > 0)
    throw failure('model_incomplete', { issues: missing.map(({ path, message, said }) => ({ path, message, said })) });
  if (row.type === 'external') return;
  if (files.some(({ status }) => status === 'verifying')) throw failure('model_files_unverified');
  const bad = files.filter(({ status }) => status === 'failed');
  if (bad.length > 0)
    throw failure('model_file_invalid', { issues: bad.map(({ path, notes }) => ({ path, message: notes.join(' ') })) });
  if (digestOfFiles(files) !== row.approval_digest) throw failure('model_approval_void');
  checkComplete(row, files);
  if (holdsPickle(files) && !row.pickle_accepted) throw failure('model_pickle_not_accepted');
}

function checkComplete(row: ModelRow, files: readonly FileRow[]): void {
  const fromHub = typeof row.metadata.huggingface_model_id === 'string' && row.metadata.huggingface_model_id !== '';
  if (fromHub && files.length === 0) return;
  const issues = [];
  // a GGUF file carries its configuration in itself
  const needsConfig = !files.some(({ facts }) => facts.kind === 'gguf');
  if (needsConfig && !files.some(({ path }) => path === 'config.json'))
    issues.push({ path: 'config.json', ...words.tell('configuration') });
  if (!files.some(({ facts }) => isWeights(facts.kind))) {
    issues.push({ path: 'weights', ...words.tell('weights') });
  }
  if (issues.length > 0 && !fromHub) throw failure('model_files_missing', { issues });
}
