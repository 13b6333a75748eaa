import type { ApprovalTask, Dataset, DatasetGate, datasetRoutes, DatasetStatus } from '@llm-ops/contracts';
import type { z } from 'zod';
import type { Access } from '#platform/access';
import { failure, type ErrorCode, type Issue } from '#platform/errors';
import type { Context, Trx } from '#platform/http';
import { uuidv7 } from '#platform/ids';
import { again } from '#platform/words';
import type { DatasetsDeps } from './deps.ts';
import { prefixOf } from './paths.ts';
import type { Records } from './records.ts';
import { actionBetween, completenessOf, digestOfFiles, gatesOf, possibleFrom, type Action } from './rules.ts';
import { gateWords } from './sentences.ts';
import type { DatasetRow, DatasetStore, NewDataset, PageOfRows, ReviewRow } from './store/index.ts';
import { gateFacts, requireTeam, resourceOf, scopeOf, type Guard } from './view.ts';
import { datasetFieldWords, refusalWords, statusLine, statusLines } from './refusals.ts';

type Routes = typeof datasetRoutes;
type Noting = Pick<Context, 'access' | 'trx' | 'note'>;
export type Reviews = ReturnType<typeof createReviews>;

const outcomes = { approve: 'approved', reject: 'rejected', request_changes: 'draft' } as const;
const endOfReview: Partial<Record<Action, ReviewRow['status']>> = {
  approve: 'approved',
  reject: 'rejected',
  request_changes: 'changes_requested',
};
/** What a gate that is shut is called; the first one names the answer. */
const codeOfGate: Record<DatasetGate['gate'], ErrorCode> = {
  metadata: 'dataset_incomplete',
  files: 'dataset_incomplete',
  validation: 'dataset_not_validated',
  diff: 'dataset_not_validated',
  pii: 'dataset_pii_failed',
  quality: 'dataset_quality_low',
};

/** The way of a dataset from draft to approved and on. */
export function createReviews(deps: DatasetsDeps & { store: DatasetStore; guard: Guard; records: Records }) {
  const { store, guard, records, events, objects, config } = deps;

  function requireRight(access: Access, row: DatasetRow, action: Action): void {
    const resource = resourceOf(row);
    const reviewer = access.decide('dataset:approve', resource).allowed;
    if (action === 'approve' || action === 'reject') return access.require('dataset:approve', resource);
    // a reviewer asks for changes, whoever wrote the dataset takes it back
    if (reviewer && (action === 'request_changes' || action === 'deprecate')) return;
    requireTeam(access, row.owner_team);
    access.require('dataset:write', resource);
  }

  async function gates(row: DatasetRow, trx: Trx): Promise<DatasetGate[]> {
    const files = await store.files([row.id], trx);
    const standing = (await store.standings([row.id], trx)).get(row.id);
    return gatesOf(gateFacts(row, files, standing, config.threshold));
  }

  async function submission(row: DatasetRow, by: string, trx: Trx): Promise<Partial<NewDataset>> {
    const card = completenessOf(row).missing.filter(({ required }) => required);
    const files = (await gates(row, trx)).filter(({ gate, passed }) => gate === 'files' && !passed);
    const issues = [...card.map(({ path, message, said }) => ({ path, message, said })), ...files.map(issueOf)];
    if (issues.length > 0) throw failure('dataset_incomplete', { issues });
    return {
      submitted_by: by,
      submitted_at: deps.now(),
      storage_uri: objects.uri(prefixOf(row)),
      ...withoutApproval,
    };
  }

  /** All that stands in the way, each with what is behind it. */
  async function list(row: DatasetRow, shut: readonly DatasetGate[], trx: Trx): Promise<Issue[]> {
    const issues: Issue[] = [];
    for (const gate of shut) {
      issues.push(issueOf(gate));
      if (gate.gate !== 'pii' && gate.gate !== 'quality') continue;
      const digest = row.validated_digest ?? undefined;
      const result = digest && (await store.validations.newest(row.id, { succeeded: true, digest }, trx));
      if (!result) continue;
      if (gate.gate === 'pii') {
        for (const { type, held } of await store.findings.held(row, result.id, trx))
          if (held > 0) issues.push({ path: `pii.${type}`, ...gateWords.tell('pii_open', { count: held }) });
        continue;
      }
      for (const advice of result.report?.recommendations ?? [])
        if (advice.severity !== 'info' && advice.kind !== 'pii')
          issues.push({
            path: `quality.${advice.type ?? advice.kind ?? 'advice'}`,
            ...gateWords.tell('two', { one: again(advice, 'message'), other: again(advice, 'action') }),
          });
    }
    return issues;
  }

  async function approval(c: Noting, row: DatasetRow): Promise<Partial<NewDataset>> {
    const { userId } = c.access.identity;
    const own = row.submitted_by === userId;
    if (own && config.fourEyes) throw failure('dataset_four_eyes');
    const shut = (await gates(row, c.trx)).filter(({ passed }) => !passed);
    if (shut.length > 0) {
      const [first] = shut;
      throw failure(codeOfGate[first!.gate], {
        ...gateWords.tell('all_shut', { gates: shut.map((gate) => again(gate, 'message')) }),
        issues: await list(row, shut, c.trx),
        data: { gates: shut },
      });
    }
    const digest = digestOfFiles(await store.files([row.id], c.trx));
    c.note(row.id, {
      digest,
      quality_score: row.quality_score,
      pii_scan_status: row.pii_scan_status,
      ...(own ? { four_eyes: 'off', approved_own: true } : {}),
    });
    return { approved_by: userId, approved_at: deps.now(), approval_digest: digest };
  }

  /** Moves a locked dataset. Throws what the issue of the move is. */
  async function move(c: Noting, row: DatasetRow, to: DatasetStatus, notes: string | null): Promise<DatasetRow> {
    const { trx, access } = c;
    const { userId } = access.identity;
    const action = actionBetween(row.status, to);
    if (action === null) {
      const possible = possibleFrom(row.status);
      throw failure('dataset_transition_invalid', {
        ...refusalWords.tell('cannot_become', {
          status: statusLine(row.status),
          possible: statusLines(possible),
          to: statusLine(to),
        }),
        data: { status: row.status, possible },
      });
    }
    requireRight(access, row, action);
    c.note(row.id, { from: row.status, to });
    const change: Partial<NewDataset> = { status: to };
    if (action === 'submit') {
      Object.assign(change, await submission(row, userId, trx), { review_notes: null });
      await store.openReview(trx, { id: uuidv7(), datasetId: row.id, by: userId });
    } else if (action === 'approve') Object.assign(change, await approval(c, row), { review_notes: notes });
    else if (notes !== null) change.review_notes = notes;
    const end = endOfReview[action];
    if (end !== undefined) await store.closeReview(trx, row.id, { status: end, by: userId, notes });
    const moved = await store.update(trx, row.id, change);
    await events.publish(trx, `dataset.${action === 'submit' ? 'submitted' : to}`, {
      datasetId: row.id,
      by: userId,
      from: row.status,
      to,
    });
    return moved;
  }

  return {
    async setStatus(c: Context<Routes['updateDatasetStatus']>): Promise<Dataset> {
      const asked = { ...c.body, ...c.query };
      if (asked.status === undefined) {
        throw failure('validation_failed', {
          issues: [{ path: 'status', ...datasetFieldWords.tell('status') }],
        });
      }
      const row = guard.seen(c.access, await store.lock(c.trx, c.params.id));
      return records.view(await move(c, row, asked.status, asked.notes ?? null), c.trx);
    },

    async decide(c: Context<Routes['decideDatasetVersion']>): Promise<Dataset> {
      const { decision, notes = null } = c.body;
      const named = await guard.read(c.access, c.params.id, c.trx);
      const version = await store.sibling(named, c.params.version, c.trx);
      if (version === null) throw failure('dataset_version_not_found');
      const row = guard.seen(c.access, await store.lock(c.trx, version.id));
      c.access.require('dataset:approve', resourceOf(row));
      return records.view(await move(c, row, outcomes[decision], notes), c.trx);
    },

    /** A reviewer's tasks that are about datasets, newest first; one more than `page.limit`. */
    async tasks(
      access: Access,
      status: ReviewRow['status'],
      page: PageOfRows,
    ): Promise<z.infer<typeof ApprovalTask>[]> {
      const found = await store.reviews(scopeOf(access), status, page);
      const about = new Map(
        (await store.findAll([...new Set(found.map((one) => one.dataset_id))])).map((row) => [row.id, row]),
      );
      return found.flatMap((review) => {
        const row = about.get(review.dataset_id);
        return row === undefined ? [] : [toTask(review, row)];
      });
    },
  };
}

const withoutApproval = { approved_by: null, approved_at: null, approval_digest: null } as const;

function issueOf({ gate, message, remedy, said }: DatasetGate): Issue {
  if (remedy === null) return { path: gate, message, said };
  const two = { one: again({ message, said }, 'message'), other: again({ remedy, said }, 'remedy') };
  return { path: gate, ...gateWords.tell('two', two) };
}

function toTask(review: ReviewRow, row: DatasetRow): z.infer<typeof ApprovalTask> {
  return {
    id: review.id,
    kind: 'dataset',
    model_id: null,
    dataset_id: row.id,
    name: row.name,
    version: row.version,
    type: row.type,
    owner_team: row.owner_team,
    submitted_by: review.submitted_by,
    submitted_at: review.submitted_at.toISOString(),
    completeness: completenessOf(row),
    contains_pickle: false,
    status: review.status,
    decided_by: review.decided_by,
    decided_at: review.decided_at?.toISOString() ?? null,
    notes: review.notes,
  };
}
