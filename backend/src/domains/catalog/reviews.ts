import type { ApprovalTask, BodyOf, catalogRoutes, Model, ModelStatus, QueryOf } from '@llm-ops/contracts';
import type { z } from 'zod';
import type { Access } from '#platform/access';
import { failure } from '#platform/errors';
import { pageOf, type Context, type Cursor, type Paged, type Trx } from '#platform/http';
import { uuidv7 } from '#platform/ids';
import type { CatalogDeps, DatasetsOfCatalog } from './deps.ts';
import { cursorOf, type Models } from './models.ts';
import { prefixOf } from './paths.ts';
import { actionBetween, completenessOf, digestOfFiles, possibleFrom, type Action } from './rules.ts';
import type { CatalogStore, ModelRow, NewModel, ReviewRow } from './store/index.ts';
import { holdsPickle, requireTeam, resourceOf, scopeOf, type Guard } from './view.ts';
import { words } from './refusals.ts';

type Routes = typeof catalogRoutes;
type Task = z.infer<typeof ApprovalTask>;
type Noting = Pick<Context, 'access' | 'trx' | 'note'>;
export type Reviews = ReturnType<typeof createReviews>;

interface Wish {
  notes?: string | undefined;
  acceptPickle: boolean;
}

const outcomes = { approve: 'approved', reject: 'rejected', request_changes: 'draft' } as const;
const endOfReview: Partial<Record<Action, ReviewRow['status']>> = {
  approve: 'approved',
  reject: 'rejected',
  request_changes: 'changes_requested',
};

/** The way of a model from draft to approved and on. */
export function createReviews(
  deps: CatalogDeps & {
    store: CatalogStore;
    guard: Guard;
    models: Models;
    datasets(): Pick<DatasetsOfCatalog, 'approvals'> | null;
  },
) {
  const { store, guard, models, events, objects, config } = deps;

  function requireRight(access: Access, row: ModelRow, action: Action): void {
    const resource = resourceOf(row);
    const reviewer = access.decide('model:approve', resource).allowed;
    if (action === 'approve' || action === 'reject') return access.require('model:approve', resource);
    // a reviewer asks for changes, whoever wrote the model takes it back
    if (reviewer && (action === 'request_changes' || action === 'deprecate')) return;
    requireTeam(access, row.owner_team);
    access.require('model:write', resource);
  }

  function submission(row: ModelRow, by: string): Partial<NewModel> {
    const issues = completenessOf(row).missing.filter(({ required }) => required);
    if (issues.length > 0)
      throw failure('model_incomplete', { issues: issues.map(({ path, message, said }) => ({ path, message, said })) });
    return {
      submitted_by: by,
      submitted_at: deps.now(),
      storage_uri: row.type === 'external' ? null : objects.uri(prefixOf(row)),
      ...withoutApproval,
    };
  }

  async function approval(c: Noting, row: ModelRow, wish: Wish): Promise<Partial<NewModel>> {
    const { userId } = c.access.identity;
    const own = row.submitted_by === userId;
    if (own && config.fourEyes) throw failure('model_four_eyes');
    const files = await store.files([row.id], c.trx);
    if (files.some(({ status }) => status === 'verifying')) throw failure('model_files_unverified');
    const bad = files.filter(({ status }) => status === 'failed');
    if (bad.length > 0) {
      throw failure('model_file_invalid', {
        issues: bad.map(({ path, notes }) => ({ path, message: notes.join(' ') })),
      });
    }
    const digest = digestOfFiles(files);
    c.note(row.id, {
      digest,
      accept_pickle: wish.acceptPickle,
      ...(own ? { four_eyes: 'off', approved_own: true } : {}),
    });
    return {
      approved_by: userId,
      approved_at: deps.now(),
      approval_digest: digest,
      pickle_accepted: wish.acceptPickle && holdsPickle(files),
    };
  }

  /** Moves a locked model. Throws what the issue of the move is. */
  async function move(c: Noting, row: ModelRow, to: ModelStatus, wish: Wish): Promise<ModelRow> {
    const { trx, access } = c;
    const { userId } = access.identity;
    // whoever forgot to accept the pickles of an approved model makes good for it
    const again = row.status === 'approved' && to === 'approved' && wish.acceptPickle;
    const action = again ? 'approve' : actionBetween(row.status, to);
    if (action === null) {
      const possible = possibleFrom(row.status);
      throw failure('model_transition_invalid', {
        ...words.tell('cannot_become', { status: row.status, possible, to }),
        data: { status: row.status, possible },
      });
    }
    requireRight(access, row, action);
    c.note(row.id, { from: row.status, to });
    const notes = wish.notes ?? null;
    const change: Partial<NewModel> = { status: to };
    if (action === 'submit') {
      Object.assign(change, submission(row, userId), { review_notes: null });
      await store.openReview(trx, { id: uuidv7(), modelId: row.id, by: userId });
    } else if (action === 'approve') Object.assign(change, await approval(c, row, wish), { review_notes: notes });
    else if (notes !== null) change.review_notes = notes;
    const end = endOfReview[action];
    if (end !== undefined) await store.closeReview(trx, row.id, { status: end, by: userId, notes });
    const moved = await store.update(trx, row.id, change);
    await events.publish(trx, `model.${action === 'submit' ? 'submitted' : to}`, {
      modelId: row.id,
      by: userId,
      from: row.status,
      to,
    });
    return moved;
  }

  /** Tasks about models, newest first; one more than `page.limit`. */
  async function tasksOfModels(
    access: Access,
    status: Task['status'],
    page: { limit: number; cursor: Cursor | null },
  ): Promise<Task[]> {
    const found = await store.reviews(scopeOf(access), status, page);
    const ids = [...new Set(found.map(({ model_id }) => model_id))];
    const about = new Map((await store.findAll(ids)).map((model) => [model.id, model]));
    const files = await store.files(ids);
    return found.flatMap((review) => {
      const model = about.get(review.model_id);
      return model === undefined
        ? []
        : [toTask(review, model, holdsPickle(files.filter((file) => file.model_id === model.id)))];
    });
  }

  return {
    move,

    async setStatus(c: Context<Routes['updateModelStatus']>): Promise<Model> {
      const asked = { ...c.body, ...c.query };
      if (asked.status === undefined) {
        throw failure('validation_failed', {
          issues: [{ path: 'status', ...words.tell('status_missing') }],
        });
      }
      const row = guard.seen(c.access, await store.lock(c.trx, c.params.id));
      const wish = { notes: asked.notes, acceptPickle: asked.accept_pickle ?? false };
      return models.view(await move(c, row, asked.status, wish), c.trx);
    },

    async decide(c: Context<Routes['decideModelVersion']>): Promise<Model> {
      const { decision, notes, accept_pickle: acceptPickle }: BodyOf<Routes['decideModelVersion']> = c.body;
      const named = await guard.read(c.access, c.params.id, c.trx);
      const version = await store.sibling(named, c.params.version, c.trx);
      if (version === null) throw failure('model_version_not_found');
      const row = guard.seen(c.access, await store.lock(c.trx, version.id));
      c.access.require('model:approve', resourceOf(row));
      return models.view(await move(c, row, outcomes[decision], { notes, acceptPickle }), c.trx);
    },

    /** Of models and datasets, newest first: one list, one cursor. */
    async tasks(access: Access, query: QueryOf<Routes['listApprovals']>): Promise<Paged<Task[]>> {
      const { limit, status, kind } = query;
      const page = { limit, cursor: cursorOf(query.cursor) };
      const tasks = [
        ...(kind === 'dataset' ? [] : await tasksOfModels(access, status, page)),
        ...(kind === 'model' ? [] : ((await deps.datasets()?.approvals(access, status, page)) ?? [])),
      ];
      const newest = tasks.toSorted((a, b) => (isBefore(b, a) ? -1 : 1));
      return pageOf(newest, limit, (task) => ({ at: new Date(task.submitted_at), id: task.id }));
    },

    /**
     * The files of a locked model changed: an approval no longer holds, and reviewers get a new task in the name of whoever changed
     * them. Answers whether there was one.
     */
    async filesChanged(trx: Trx, row: ModelRow, by: string, what: string): Promise<boolean> {
      if (row.status !== 'approved') return false;
      const notes = `Void: ${what} after the approval.`;
      await store.voidApproval(trx, row.id, notes);
      await store.openReview(trx, { id: uuidv7(), modelId: row.id, by });
      await store.update(trx, row.id, {
        ...withoutApproval,
        status: 'under_review',
        submitted_by: by,
        submitted_at: deps.now(),
        review_notes: notes,
      });
      await events.publish(trx, 'model.approval_void', { modelId: row.id, by });
      return true;
    },
  };
}

/** The order of the list, as the database has it: by time, then by id. */
function isBefore(a: Task, b: Task): boolean {
  return a.submitted_at === b.submitted_at ? a.id < b.id : a.submitted_at < b.submitted_at;
}

const withoutApproval = {
  approved_by: null,
  approved_at: null,
  approval_digest: null,
  pickle_accepted: false,
} as const;

function toTask(review: ReviewRow, model: ModelRow, pickle: boolean): Task {
  return {
    id: review.id,
    kind: 'model',
    model_id: model.id,
    dataset_id: null,
    name: model.name,
    version: model.version,
    type: model.type,
    owner_team: model.owner_team,
    submitted_by: review.submitted_by,
    submitted_at: review.submitted_at.toISOString(),
    completeness: completenessOf(model),
    contains_pickle: pickle,
    status: review.status,
    decided_by: review.decided_by,
    decided_at: review.decided_at?.toISOString() ?? null,
    notes: review.notes,
  };
}
