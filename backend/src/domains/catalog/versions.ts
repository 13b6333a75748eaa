import type { catalogRoutes, LineageGraph, Model, ModelComparison, QueryOf } from '@llm-ops/contracts';
import type { z } from 'zod';
import type { Access } from '#platform/access';
import { failure } from '#platform/errors';
import type { Context, Paged, Trx } from '#platform/http';
import { placeOfKey, readCard } from './card.ts';
import { objectReader } from './content.ts';
import type { CatalogDeps, DatasetsOfCatalog, Reference } from './deps.ts';
import { actorOf } from './files.ts';
import { combineFacts, tensorsOf } from './inspect/index.ts';
import { cursorOf, keyOwner, requireDraft, type Models } from './models.ts';
import { prefixOf } from './paths.ts';
import { differences, pairs } from './rules.ts';
import type { CatalogStore, FileRow, ModelRow } from './store/index.ts';
import { copyFileQueue } from './upkeep.ts';
import { cardOf, isSeen, resourceOf, scopeOf, type Guard } from './view.ts';
import { words } from './refusals.ts';

type Routes = typeof catalogRoutes;
type Comparison = z.infer<typeof ModelComparison>;
type Graph = z.infer<typeof LineageGraph>;

/** beyond so many, a comparison names the first */
const maxTensors = 20_000;
const maxNodes = 200;

export function createVersions(
  deps: CatalogDeps & {
    store: CatalogStore;
    guard: Guard;
    models: Models;
    references(trx: Trx, id: string): Promise<Reference[]>;
    datasets(): Pick<DatasetsOfCatalog, 'describe'> | null;
  },
) {
  const { store, guard, models, objects, secrets, jobs } = deps;

  async function sibling(access: Access, of: ModelRow, version: string, trx?: Trx): Promise<ModelRow> {
    const row = await store.sibling(of, version, trx);
    if (row === null || !isSeen(access, row)) {
      throw failure('model_version_not_found', words.tell('no_version', { name: of.name, version }));
    }
    access.require('model:read', resourceOf(row));
    return row;
  }

  /** Tensors by the headers of a version's files; what cannot be read has none. */
  async function tensors(row: ModelRow, files: readonly FileRow[]) {
    const found: { name: string; dtype: string; shape: number[] }[] = [];
    for (const { path, size, status, facts } of files) {
      if (status !== 'ready') continue;
      found.push(...(await tensorsOf(facts.kind, objectReader(objects, prefixOf(row) + path, size))));
    }
    return found.map(({ name, dtype, shape }) => ({ name, dtype, shape }));
  }

  return {
    async list(access: Access, id: string, query: QueryOf<Routes['listModelVersions']>): Promise<Paged<Model[]>> {
      const row = await guard.read(access, id);
      const rows = await store.versions(row, scopeOf(access), { limit: query.limit, cursor: cursorOf(query.cursor) });
      return models.pageOfModels(rows, query.limit);
    },

    /** A draft with the card of another version, its key too; files are copied by a durable job when asked for. */
    async create(c: Context<Routes['createModelVersion']>): Promise<Model> {
      const { access, trx, body } = c;
      const from = await guard.change(access, c.params.id, trx);
      const written =
        body.metadata === undefined
          ? { metadata: from.metadata, apiKey: undefined }
          : readCard(from.type, body.metadata);
      // a key goes only where it was registered for
      const samePlace = placeOfKey(from.metadata) === placeOfKey(written.metadata);
      const stored = from.has_api_key && samePlace ? await secrets.get(keyOwner(from.id), 'api_key', trx) : null;
      const row = await models.add(
        c,
        {
          ...cardOf(from),
          name: from.name,
          version: body.version,
          type: from.type,
          owner_team: from.owner_team,
          project: from.project,
          visibility: from.visibility,
          metadata: written.metadata,
          lineage_dataset_ids: body.lineage_dataset_ids ?? from.lineage_dataset_ids,
        },
        written.apiKey ?? stored ?? undefined,
      );
      if (body.copy_files) await copyFiles(trx, from, row, c);
      return models.view((await store.find(row.id, trx)) ?? row, trx);
    },

    async compare(c: Context<Routes['compareModelVersions']>): Promise<Comparison> {
      const named = await guard.read(c.access, c.params.id);
      const [before, after] = [
        await sibling(c.access, named, c.params.v1),
        await sibling(c.access, named, c.params.v2),
      ];
      const files = await store.files([before.id, after.id]);
      const filesOf = (row: ModelRow) => files.filter(({ model_id }) => model_id === row.id);
      const [left, right] = [filesOf(before), filesOf(after)];
      const byPath = pairs(left, right, ({ path }) => path).map((pair) => ({
        path: pair.name,
        change: changeOf(pair.before?.sha256, pair.after?.sha256),
        before: pair.before && { size: pair.before.size, sha256: pair.before.sha256 },
        after: pair.after && { size: pair.after.size, sha256: pair.after.sha256 },
      }));
      const byName = pairs(await tensors(before, left), await tensors(after, right), ({ name }) => name).flatMap(
        (pair) => {
          const change = changeOf(shown(pair.before), shown(pair.after));
          return change === 'same'
            ? []
            : [{ name: pair.name, change, before: partsOf(pair.before), after: partsOf(pair.after) }];
        },
      );
      const metadata = differences(cardOf(before), cardOf(after));
      return {
        before: { id: before.id, version: before.version },
        after: { id: after.id, version: after.version },
        summary: {
          fields: metadata.length,
          files: byPath.filter(({ change }) => change !== 'same').length,
          tensors: byName.length,
        },
        metadata,
        card: { before: await cardText(before, left), after: await cardText(after, right) },
        files: byPath,
        architecture: differences(before.inspection ?? {}, after.inspection ?? {}),
        tensors: byName.slice(0, maxTensors),
      };
    },

    /** Brings back the card of an entry of the history, of another version, or of the entry before the last one. */
    async rollback(c: Context<Routes['rollbackModel']>): Promise<Model> {
      const { trx, access, body } = c;
      const row = await guard.change(access, c.params.id, trx);
      requireDraft(row);
      let card;
      if (body.version !== undefined) card = cardOf(await sibling(access, row, body.version, trx));
      else {
        const number = body.change ?? (await store.lastChange(trx, row.id)) - 1;
        card = (await store.change(trx, row.id, number))?.card;
      }
      if (card === undefined) {
        throw failure('model_version_not_found', words.tell('no_change'));
      }
      const restored = await models.writeCard(c, row, card, undefined);
      c.note(row.id, { rollback: body.version ?? body.change ?? 'previous' });
      return models.view(restored, trx);
    },

    async changes(access: Access, id: string) {
      const row = await guard.read(access, id);
      const found = await store.changes(row.id);
      return found.map(({ number, at, changed_by: by, changes }) => ({ number, at: at.toISOString(), by, changes }));
    },

    async lineage(access: Access, id: string): Promise<Graph> {
      const focus = await guard.read(access, id);
      const rows = new Map([[focus.id, focus]]);
      const edges: Graph['edges'] = [];
      const seen = (row: ModelRow | null): row is ModelRow => row !== null && isSeen(access, row);
      // upwards; a loop of bases ends where it began
      for (let row: ModelRow | null = focus; row.base_model_id !== null;) {
        const base: ModelRow | null = await store.find(row.base_model_id);
        if (!seen(base)) break;
        edges.push({ from: row.id, to: base.id, relation: 'derived_from' });
        if (rows.has(base.id)) break;
        rows.set(base.id, base);
        row = base;
      }
      for (const derived of (await store.derivedFrom(focus.id, maxNodes)).filter(seen)) {
        if (!rows.has(derived.id)) edges.push({ from: derived.id, to: focus.id, relation: 'derived_from' });
        rows.set(derived.id, derived);
      }
      const versions = await store.versions(focus, scopeOf(access), { limit: maxNodes, cursor: null });
      for (const [index, version] of versions.slice(0, maxNodes).entries()) {
        rows.set(version.id, version);
        const older = versions[index + 1];
        if (older && index + 1 < maxNodes) edges.push({ from: version.id, to: older.id, relation: 'version_of' });
      }
      const nodes: Graph['nodes'] = [...rows.values()].map((row) => ({
        id: row.id,
        kind: 'model',
        label: `${row.name} ${row.version}`,
        status: row.status,
        focus: row.id === focus.id,
      }));
      const datasets = new Set<string>();
      for (const row of rows.values()) {
        for (const dataset of row.lineage_dataset_ids) {
          datasets.add(dataset);
          edges.push({ from: row.id, to: dataset, relation: 'trained_on' });
        }
      }
      const known = await deps.datasets()?.describe([...datasets]);
      for (const dataset of datasets) {
        const found = known?.get(dataset);
        // one that is not there, or not for these eyes, is known by its id alone
        const named = found !== undefined && access.sees(found);
        const label = named ? `${found.name} ${found.version}` : `Dataset ${dataset.slice(0, 8)}`;
        nodes.push({ id: dataset, kind: 'dataset', label, status: named ? found.status : 'linked', focus: false });
      }
      for (const user of await store.transaction((trx) => deps.references(trx, focus.id))) {
        nodes.push({ id: user.id, kind: user.kind, label: user.label, status: user.status ?? 'active', focus: false });
        edges.push({ from: user.id, to: focus.id, relation: user.kind === 'endpoint' ? 'serves' : 'derived_from' });
      }
      return { nodes, edges };
    },
  };

  async function copyFiles(
    trx: Trx,
    from: ModelRow,
    to: ModelRow,
    c: Context<Routes['createModelVersion']>,
  ): Promise<void> {
    const files = (await store.files([from.id], trx)).filter(({ status }) => status === 'ready');
    for (const file of files) {
      const { path, size, sha256, notes, facts } = file;
      await store.putFile(trx, { model_id: to.id, path, size, sha256, status: 'verifying', notes, facts });
      const job = { from: prefixOf(from) + path, modelId: to.id, path, sha256, by: actorOf(c.access.identity) };
      await jobs.send(trx, copyFileQueue, job);
    }
    if (files.length === 0) return;
    await store.update(trx, to.id, { inspection: combineFacts(files), storage_uri: objects.uri(prefixOf(to)) });
    c.note(to.id, { copied_from: from.id, files: files.length });
  }

  /** The README that came with the files, else the card's own words. */
  async function cardText(row: ModelRow, files: readonly FileRow[]): Promise<string> {
    const readme = files.find(
      ({ path, status, size }) => path === 'README.md' && status === 'ready' && size <= 1024 * 1024,
    );
    if (readme)
      return (await objectReader(objects, prefixOf(row) + readme.path, readme.size).read(0, readme.size)).toString(
        'utf8',
      );
    return Object.entries(row.metadata)
      .filter(([, value]) => typeof value === 'string')
      .map(([field, value]) => `## ${field}\n\n${String(value)}\n`)
      .join('\n');
  }
}

type Parts = { dtype: string; shape: number[] } | null;

const partsOf = (tensor: Parts): Parts => tensor && { dtype: tensor.dtype, shape: tensor.shape };
const shown = (tensor: Parts): string | undefined => (tensor ? `${tensor.dtype} ${tensor.shape.join()}` : undefined);

function changeOf(before: string | undefined, after: string | undefined): 'added' | 'removed' | 'changed' | 'same' {
  if (before === undefined) return 'added';
  if (after === undefined) return 'removed';
  return before === after ? 'same' : 'changed';
}
