import type {
  BodyOf,
  Change,
  ChangePlan,
  changeRoutes,
  ChangeRequest,
  ChangeReview,
  DataOf,
  Endpoint,
  QueryOf,
} from '@llm-ops/contracts';
import type { Access } from '#platform/access';
import type { Db } from '#platform/db';
import { failure } from '#platform/errors';
import { decodeCursor, pageOf, type Paged, type Trx } from '#platform/http';
import { uuidv7 } from '#platform/ids';
import type { Prepared } from '../endpoints/wanted.ts';
import { requirePlan, type Checks } from '../endpoints/checks.ts';
import { defaultPlan } from '../endpoints/draft.ts';
import type { createEndpoints } from '../endpoints/endpoints.ts';
import { isOfFace, type Asking, type Face, type FaceRequest } from './faces.ts';
import { digestOfWanted, type Examine } from './examine.ts';
import { about, described, identified } from './rows.ts';
import type { Publisher } from '../rollout/executor.ts';
import { requireDeploy } from '../guard.ts';
import { planWords } from './sentences.ts';
import { proposedPlan } from './proposal.ts';
import type { createRevisions } from '../endpoints/revisions.ts';
import { findRevision, json, type Connection } from '../store/endpoints.ts';
import {
  databaseNow,
  findChange,
  insertChange,
  listChanges,
  pendingChanges,
  updateChange,
  type ChangeRow,
} from '../store/changes.ts';
import { hubIdOf } from '../spec.ts';
import type { ServingConfig } from '../types.ts';
import { changeView } from '../views.ts';
import { refusalWords } from '../sentences.ts';

type Routes = typeof changeRoutes;
type Decision = BodyOf<Routes['decideChange']>;

interface ChangeRequestsDeps {
  db: Db;
  checks: Checks;
  examine: Examine;
  endpoints: Pick<ReturnType<typeof createEndpoints>, 'prepare'>;
  revisions: Pick<ReturnType<typeof createRevisions>, 'prepareRedeploy' | 'preparePromote'>;
  events: Publisher;
  /** whose requests are understood beside serving's own; null: of none */
  faces: { model: Face | null };
  config: ServingConfig;
}

/** what became of a request that was carried out at once; `change` is null where nothing is recorded of it */
export interface Made {
  endpoint: Endpoint;
  change: string | null;
  /** by whoever asked for it: four eyes are off */
  approvedOwn: boolean;
}

/** A change with the request that it is made of. */
export interface Pending {
  change: Change;
  request: ChangeRequest;
}

/** For the audit: also what of it is recorded, and that nobody else approved it. */
export const recordOf = ({ change, approvedOwn }: Made) => ({
  ...(change === null ? {} : { change }),
  ...(approvedOwn ? { four_eyes: 'off', approved_own: true } : {}),
});

const outcomes = { approve: 'approved', reject: 'rejected', request_changes: 'changes_requested' } as const;
const undecided = { decided_by: null, decided_at: null, notes: null } as const;

/** Deployments, redeployments and promotions: carried out at once where that is allowed, else submitted, approved and applied. */
export function createChangeRequests(deps: ChangeRequestsDeps) {
  const { db, checks, examine, endpoints, revisions, events, faces, config } = deps;

  async function prepare(asking: Asking, request: ChangeRequest, id: string): Promise<Prepared> {
    const { trx, access } = asking;
    if (isOfFace(request)) {
      if (faces.model === null) throw failure('runtime_unavailable');
      return faces.model.prepare(asking, request, id);
    }
    if (request.kind === 'deploy') return endpoints.prepare(trx, access, request);
    if (request.kind === 'redeploy') return revisions.prepareRedeploy(trx, access, request.endpointId, request);
    return revisions.preparePromote(trx, access, request.endpointId, request);
  }

  const governed = ({ draft, same }: Prepared) => draft.spec.environment === 'prod' && !same;

  /** Throws for what is yet to be explained, planned or made to fit. */
  async function refuse(trx: Trx, change: Prepared, request: ChangeRequest): Promise<void> {
    const { kind, draft, known, over, rollbackPlan } = change;
    const { spec, artifactDigest, runtime } = draft;
    const prod = spec.environment === 'prod';
    const ofFace = change.refuse !== undefined;
    if (change.refuse) await change.refuse();
    else if (!change.same) checks.refuseArguments(runtime, spec);
    if (prod && kind !== 'redeploy' && rollbackPlan === '') {
      const message = 'Required for prod: how will this be taken back?';
      throw failure('validation_failed', { issues: [{ path: 'rollbackPlan', message }] });
    }
    const question = { spec, artifactDigest, known, over: kind === 'promote' ? over : null };
    // outside of prod a face asks for no parity note, of which the documents' clients know nothing either
    if (!ofFace || governed(change)) await checks.refuseDrift(trx, question, request.parityNote);
    if (prod && kind !== 'redeploy' && !ofFace) await checks.refuseRed(runtime, spec);
    if (governed(change)) requirePlan(request.change);
  }

  async function proposalFor(connection: Connection, access: Access, change: Prepared, request: ChangeRequest) {
    const { draft, over, rollbackPlan, team } = change;
    const live = over && (await findRevision(connection, over.id, over.live_revision));
    return proposedPlan({
      now: await databaseNow(connection),
      by: access.identity.userId,
      environment: draft.spec.environment,
      route: draft.spec.route,
      live: live && {
        number: live.number,
        modelName: live.model_name,
        version: live.version,
        image: live.spec.image,
        artifactDigest: live.artifact_digest,
      },
      wanted: {
        modelName: draft.model.name,
        version: draft.model.version,
        storageUri: draft.model.storageUri,
        artifactDigest: draft.artifactDigest,
        hub: hubIdOf(draft.model),
      },
      rollbackPlan: rollbackPlan || planWords.line('roll_back'),
      team,
      rolloutTimeoutMs: config.rolloutTimeoutMs,
      watch: config.watch,
      shares: request.kind === 'redeploy' ? (request.canary?.steps ?? null) : null,
    });
  }

  /** With the plans that the platform proposes, where a client that knows of none asks for what needs them. */
  async function planned({ trx, access }: Asking, change: Prepared, request: FaceRequest) {
    if (!governed(change) || request.change !== undefined) return { change, request, proposed: false };
    const rollbackPlan = change.rollbackPlan || defaultPlan;
    const { plan } = await proposalFor(trx, access, change, request);
    const plans = { change: plan, rollbackPlan };
    const stored = { ...(change.stored ?? request), ...plans };
    return { change: { ...change, rollbackPlan, stored }, request: { ...request, ...plans }, proposed: true };
  }

  async function requireWindow(trx: Trx, plan: ChangePlan | null | undefined): Promise<void> {
    if (!plan) return;
    const { startsAt, endsAt } = plan.maintenance;
    const now = (await databaseNow(trx)).getTime();
    if (now >= Date.parse(startsAt) && now <= Date.parse(endsAt)) return;
    const told = refusalWords.tell('window', { from: startsAt, to: endsAt });
    const path = now < Date.parse(startsAt) ? 'change.maintenance.startsAt' : 'change.maintenance.endsAt';
    throw failure('change_outside_window', { ...told, issues: [{ path, ...told }] });
  }

  function seen(access: Access, row: ChangeRow | null): ChangeRow {
    if (!row) throw failure('change_not_found');
    if (!access.sees({ team: row.team, visibility: row.visibility, createdBy: row.created_by }))
      throw failure('change_not_found', { hidden: true });
    access.require('endpoint:read', about(row), row.environment);
    return row;
  }
  /** Held for the transaction, by somebody who may deploy there. */
  async function held(trx: Trx, access: Access, id: string): Promise<ChangeRow> {
    const row = seen(access, await findChange(trx, id, { lock: true }));
    requireDeploy(access, about(row), row.environment);
    return row;
  }
  const closed = (row: ChangeRow) =>
    failure('change_closed', {
      ...refusalWords.tell(`closed_${row.status}`),
      data: { status: row.status },
    });

  const isOwn = (access: Access, row: ChangeRow) => row.submitted_by === access.identity.userId;

  function review(access: Access, row: ChangeRow): ChangeReview {
    const may = (permission: 'endpoint:approve' | 'endpoint:deploy') =>
      access.decide(permission, about(row), row.environment).allowed;
    return {
      ...changeView(row),
      ...row.examined,
      mayApprove: row.status === 'open' && may('endpoint:approve') && !(config.fourEyes && isOwn(access, row)),
      mayApply: row.status === 'approved' && may('endpoint:deploy'),
    };
  }

  async function make({ trx, access }: Asking, change: Prepared, request: ChangeRequest, id: string): Promise<Made> {
    const own = governed(change);
    if (own) await requireWindow(trx, request.change);
    const recorded = !change.same && (change.draft.spec.environment !== 'dev' || request.change !== undefined);
    // as it was before the change
    const examined = recorded ? await examine.of(trx, change, { fit: own }) : null;
    const endpoint = await change.commit(trx);
    if (examined === null) return { endpoint, change: null, approvedOwn: false };
    const { userId } = access.identity;
    const now = await databaseNow(trx);
    const row = await insertChange(trx, {
      ...identified(id, change, userId),
      ...described(change, request),
      status: 'applied',
      examined: json(examined),
      endpoint_id: endpoint.id,
      revision: endpoint.targetRevision,
      rollback_plan: endpoint.rollbackPlan,
      applied_by: userId,
      applied_at: now,
      ...(own ? { decided_by: userId, decided_at: now } : {}),
    });
    return { endpoint, change: row.id, approvedOwn: own };
  }

  async function submit(
    { trx, access }: Asking,
    change: Prepared,
    request: ChangeRequest,
    id: string,
  ): Promise<ChangeReview> {
    const examined = json(await examine.of(trx, change, { fit: true }));
    const row = await insertChange(trx, {
      ...identified(id, change, access.identity.userId),
      ...described(change, request),
      status: 'open',
      examined,
    });
    await change.keep?.(trx);
    await events.publish(trx, 'change.submitted', told(row));
    return review(access, row);
  }

  async function discard(trx: Trx, row: ChangeRow): Promise<void> {
    if (isOfFace(row.request)) await faces.model?.discard(trx, row.id);
  }

  const told = (row: ChangeRow) => ({ changeId: row.id, environment: row.environment, route: row.route });

  return {
    /** Carries it out now. Throws `change_approval_required` where somebody else must approve it first. */
    async make(asking: Asking, request: ChangeRequest): Promise<Made> {
      const id = uuidv7();
      const change = await prepare(asking, request, id);
      await refuse(asking.trx, change, request);
      if (governed(change) && config.fourEyes) throw failure('change_approval_required');
      return make(asking, change, request, id);
    },

    /** Carries it out now, or submits it where somebody else must approve it first; `proposed`: with plans that nobody wrote. */
    async ask(asking: Asking, asked: FaceRequest): Promise<{ proposed: boolean } & (Made | { waiting: ChangeReview })> {
      const id = uuidv7();
      const { change, request, proposed } = await planned(asking, await prepare(asking, asked, id), asked);
      await refuse(asking.trx, change, request);
      if (governed(change) && config.fourEyes) return { waiting: await submit(asking, change, request, id), proposed };
      return { ...(await make(asking, change, request, id)), proposed };
    },

    async preview(access: Access, request: ChangeRequest): Promise<DataOf<Routes['previewChange']>> {
      // nothing is held while a cluster is looked at, and nothing that is made on the way stays
      const trx = await db.kysely.startTransaction().execute();
      const asking = { trx: trx as unknown as Trx, access, note: () => {} };
      const change = await prepare(asking, request, uuidv7()).finally(() => trx.rollback().execute());
      const required = governed(change);
      const proposed = await proposalFor(db.kysely, access, change, request);
      return {
        ...(await examine.of(db.kysely, change, { fit: true })),
        plan: proposed.plan,
        planSaid: proposed.said,
        planRequired: required,
        approvalRequired: required && config.fourEyes,
      };
    },

    async submit(asking: Asking, request: ChangeRequest): Promise<ChangeReview> {
      const id = uuidv7();
      const change = await prepare(asking, request, id);
      await refuse(asking.trx, change, request);
      return submit(asking, change, request, id);
    },

    /** Those that are not carried out yet and that this identity sees, newest first, with what was asked for. */
    async pending(access: Access): Promise<Pending[]> {
      const rows = await pendingChanges(db.kysely, access.scope('endpoint:read', 'endpoint'));
      return rows.map((row) => ({ change: changeView(row), request: row.request }));
    },

    /** One of any state; null: there is none that this identity sees. */
    async find(access: Access, id: string): Promise<Pending | null> {
      const row = await findChange(db.kysely, id);
      if (!row || !access.sees({ team: row.team, visibility: row.visibility, createdBy: row.created_by })) return null;
      access.require('endpoint:read', about(row), row.environment);
      return { change: changeView(row), request: row.request };
    },

    async list(access: Access, query: QueryOf<Routes['listChanges']>): Promise<Paged<Change[]>> {
      const rows = await listChanges(db.kysely, access.scope('endpoint:read', 'endpoint'), {
        ...query,
        after: decodeCursor(query.cursor),
      });
      const page = pageOf(rows, query.limit, (row) => ({ at: row.created_at, id: row.id }));
      return { rows: page.rows.map(changeView), next: page.next };
    },

    get: async (access: Access, id: string): Promise<ChangeReview> =>
      review(access, seen(access, await findChange(db.kysely, id))),

    /** Looks anew with what is corrected: whatever was decided about the version before holds no more. */
    async amend(asking: Asking, id: string, patch: BodyOf<Routes['amendChange']>): Promise<ChangeReview> {
      const { trx, access } = asking;
      const row = await held(trx, access, id);
      if (!['open', 'approved', 'changes_requested'].includes(row.status)) throw closed(row);
      const given = Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined));
      const request = { ...row.request, ...given } as ChangeRequest;
      const change = await prepare(asking, request, id);
      await refuse(trx, change, request);
      const { userId } = access.identity;
      const amended = await updateChange(trx, id, {
        ...described(change, request),
        ...undecided,
        status: 'open',
        version: row.version + 1,
        examined: json(await examine.of(trx, change, { fit: true })),
        submitted_by: userId,
        submitted_at: await databaseNow(trx),
      });
      await events.publish(trx, 'change.submitted', told(amended));
      return review(access, amended);
    },

    async decide(trx: Trx, access: Access, id: string, { decision, version, notes }: Decision): Promise<ChangeReview> {
      const row = seen(access, await findChange(trx, id, { lock: true }));
      access.require('endpoint:approve', about(row), row.environment);
      // an approval can be taken back as long as it was not used
      const open = row.status === 'open' || (row.status === 'approved' && decision !== 'approve');
      if (!open) throw closed(row);
      if (version !== row.version) throw failure('change_amended', { data: { version: row.version } });
      if (config.fourEyes && isOwn(access, row)) throw failure('change_four_eyes');
      const decided = await updateChange(trx, id, {
        status: outcomes[decision],
        decided_by: access.identity.userId,
        decided_at: await databaseNow(trx),
        notes: notes?.trim() || null,
      });
      if (decision === 'reject') await discard(trx, row);
      await events.publish(trx, 'change.decided', { ...told(decided), decision });
      return review(access, decided);
    },

    async apply(asking: Asking, id: string): Promise<ChangeReview> {
      const { trx, access } = asking;
      const row = await held(trx, access, id);
      if (row.status === 'open' || row.status === 'changes_requested') throw failure('change_not_approved');
      if (row.status !== 'approved') throw closed(row);
      await requireWindow(trx, row.plan);
      const change = await prepare(asking, row.request, id);
      if (digestOfWanted(change) !== row.wanted_digest) throw failure('change_outdated');
      await refuse(trx, change, row.request);
      const endpoint = await change.commit(trx);
      const applied = await updateChange(trx, id, {
        status: 'applied',
        endpoint_id: endpoint.id,
        revision: endpoint.targetRevision,
        applied_by: access.identity.userId,
        applied_at: await databaseNow(trx),
      });
      return review(access, applied);
    },

    async withdraw(trx: Trx, access: Access, id: string): Promise<Change> {
      const row = await held(trx, access, id);
      if (!['open', 'approved', 'changes_requested'].includes(row.status)) throw closed(row);
      await discard(trx, row);
      return changeView(await updateChange(trx, id, { status: 'withdrawn' }));
    },
  };
}
