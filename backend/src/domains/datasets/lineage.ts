import type { LineageGraph } from '@llm-ops/contracts';
import type { z } from 'zod';
import type { Access } from '#platform/access';
import { failure } from '#platform/errors';
import type { DatasetsDeps } from './deps.ts';
import { isVisible, type References } from './records.ts';
import { digestOfFiles } from './rules.ts';
import type { DatasetRow, DatasetStore } from './store/index.ts';
import { isSeen, scopeOf, visibilityOf, type Guard } from './view.ts';
import { refusalWords, statusLine } from './refusals.ts';

type Graph = z.infer<typeof LineageGraph>;

const maxNodes = 200;

/** A dataset version as other domains see it. */
export interface DescribedDataset {
  name: string;
  version: string;
  status: DatasetRow['status'];
  team: string;
  /** in force: an approved dataset is the organization's unless somebody said otherwise */
  visibility: 'team' | 'organization';
  createdBy: string;
}

export type Lineage = ReturnType<typeof createLineage>;

/** Where datasets come from, what was made of them, and what may be made of them. */
export function createLineage(deps: DatasetsDeps & { store: DatasetStore; guard: Guard; references: References }) {
  const { store, guard } = deps;

  return {
    async lineage(access: Access, id: string): Promise<Graph> {
      const focus = await guard.read(access, id);
      const rows = new Map([[focus.id, focus]]);
      const edges: Graph['edges'] = [];
      const seen = (row: DatasetRow | null): row is DatasetRow => row !== null && isSeen(access, row);
      const versions = await store.versions(focus, scopeOf(access), { limit: maxNodes, cursor: null });
      for (const version of versions.slice(0, maxNodes)) rows.set(version.id, version);
      // upwards: what it was made from, and that from something else
      for (let row = focus, depth = 0; row.source_id !== null && depth < maxNodes; depth++) {
        const source = await store.find(row.source_id);
        if (!seen(source)) break;
        rows.set(source.id, source);
        row = source;
      }
      for (const made of (await store.madeFrom(focus.id, maxNodes)).filter(seen)) rows.set(made.id, made);
      for (const row of rows.values()) {
        const { source_id: source, parent_id: parent } = row;
        // a version that only took the card over has rows of its own
        const derived = row.source_kind !== 'version' && source !== null && rows.has(source);
        if (derived) edges.push({ from: row.id, to: source, relation: 'derived_from' });
        if (parent !== null && !(derived && parent === source) && rows.has(parent))
          edges.push({ from: row.id, to: parent, relation: 'version_of' });
      }
      const nodes: Graph['nodes'] = [...rows.values()].map((row) => ({
        id: row.id,
        kind: 'dataset',
        label: `${row.name} ${row.version}`,
        status: row.status,
        focus: row.id === focus.id,
      }));
      const users = await store.transaction((trx) => deps.references(trx, focus.id));
      for (const user of users.filter((one) => isVisible(access, one)).slice(0, maxNodes)) {
        const { id: from, label, status } = user;
        nodes.push({ id: from, kind: user.kind === 'model' ? 'model' : 'job', label, status, focus: false });
        edges.push({ from, to: focus.id, relation: user.kind === 'run' ? 'derived_from' : 'trained_on' });
      }
      return { nodes, edges };
    },

    /** What datasets are called and who sees them, for what refers to them; those that are not there are left out. */
    async describe(ids: readonly string[]): Promise<Map<string, DescribedDataset>> {
      const rows = await store.findAll(ids);
      return new Map(
        rows.map((row) => {
          const { name, version, status, owner_team: team, created_by: createdBy } = row;
          return [row.id, { name, version, status, team, visibility: visibilityOf(row), createdBy }];
        }),
      );
    },

    /**
     * For training and evaluation: the version, when it is approved and its files are those that were approved. Throws
     * `dataset_not_found`, `dataset_not_approved`, `permission_denied`.
     */
    async requireApproved(
      access: Access,
      id: string,
    ): Promise<{ id: string; name: string; version: string; digest: string }> {
      const row = await guard.read(access, id);
      if (row.status !== 'approved')
        throw failure(
          'dataset_not_approved',
          refusalWords.tell('not_approved', { name: row.name, version: row.version, status: statusLine(row.status) }),
        );
      const digest = digestOfFiles(await store.files([row.id]));
      if (digest === null || digest !== row.approval_digest)
        throw failure(
          'dataset_not_approved',
          refusalWords.tell('files_not_approved', { name: row.name, version: row.version }),
        );
      return { id: row.id, name: row.name, version: row.version, digest };
    },
  };
}
