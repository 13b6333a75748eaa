import type { datasetRoutes, Finding, PiiScanStatus, QueryOf } from '@llm-ops/contracts';
import type { Access } from '#platform/access';
import { failure, fieldWords } from '#platform/errors';
import type { Context, Paged, Trx } from '#platform/http';
import type { DatasetsDeps } from './deps.ts';
import { requireDraft } from './records.ts';
import type { DatasetRow, DatasetStore } from './store/index.ts';
import { piiStatusOf, toFinding } from './validation-view.ts';
import type { Guard } from './view.ts';
import { datasetFieldWords } from './refusals.ts';

type Routes = typeof datasetRoutes;
export type Findings = ReturnType<typeof createFindings>;

/** What validations found, and what people decide about it. */
export function createFindings(deps: DatasetsDeps & { store: DatasetStore; guard: Guard }) {
  const { store, guard } = deps;
  const { validations, findings } = store;

  /** What was decided says something about every version with a result of its present files. */
  async function refresh(trx: Trx, of: DatasetRow): Promise<void> {
    for (const { row, validationId } of await findings.validatedVersions(trx, of)) {
      const validation = await validations.find(validationId, trx);
      if (!validation?.report) continue;
      const held = await findings.held(row, validationId, trx);
      const status = piiStatusOf(validation.report.unseen, held, validation.options.pii_types !== undefined);
      if (status !== row.pii_scan_status) await store.update(trx, row.id, { pii_scan_status: status });
    }
  }

  return {
    async list(access: Access, id: string, query: QueryOf<Routes['listDatasetFindings']>): Promise<Paged<Finding[]>> {
      const row = await guard.read(access, id);
      const { limit, cursor, ...filter } = query;
      // a page follows the one before it, also when another validation has ended meanwhile
      const from = cursor === undefined ? null : placeOf(cursor);
      const validation = from
        ? await validations.find(from.validationId)
        : await validations.newest(row.id, { succeeded: true });
      if (from && validation?.dataset_id !== row.id) throw badCursor();
      if (validation === null) return { rows: [], next: null };
      const found = await findings.list(row, validation.id, filter, { after: from?.number ?? 0, limit });
      const rows = found.slice(0, limit).map(toFinding);
      return { rows, next: found.length > limit ? rows.at(-1)!.id : null };
    },

    /** Of findings of the newest result; holds for their content in every version. */
    async triage(
      c: Context<Routes['triageDatasetFindings']>,
    ): Promise<{ changed: number; pii_scan_status: PiiScanStatus }> {
      const { access, trx, body } = c;
      if (body.fingerprints === undefined && body.type === undefined) {
        throw failure('validation_failed', {
          issues: [{ path: 'fingerprints', ...datasetFieldWords.tell('findings') }],
        });
      }
      const seen = await guard.read(access, c.params.id, trx);
      await findings.lockFamily(trx, seen);
      const row = await guard.change(access, seen.id, trx);
      requireDraft(row);
      const validation = await validations.newest(row.id, { succeeded: true }, trx);
      if (validation === null) return { changed: 0, pii_scan_status: row.pii_scan_status };
      const changed = await findings.judge(trx, row, {
        validationId: validation.id,
        fingerprints: body.fingerprints,
        type: body.type,
        triage: body.triage,
        note: body.note ?? null,
        by: access.identity.userId,
      });
      await refresh(trx, row);
      c.note(row.id, {
        triage: body.triage,
        validation_id: validation.id,
        contents: Object.fromEntries(changed.map(({ type, count }) => [type, count])),
      });
      const { pii_scan_status: status } = (await store.find(row.id, trx))!;
      return { changed: changed.reduce((sum, { count }) => sum + count, 0), pii_scan_status: status };
    },
  };
}

function placeOf(cursor: string): { validationId: string; number: number } {
  const [, validationId, number] = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.(\d{1,9})$/.exec(cursor) ?? [];
  if (validationId === undefined) throw badCursor();
  return { validationId, number: Number(number) };
}

function badCursor() {
  return failure('validation_failed', {
    issues: [{ path: 'cursor', ...fieldWords.tell('cursor') }],
  });
}
