import type { BodyOf, DataOf, Endpoint, QueryOf, servingRoutes } from '@llm-ops/contracts';
import type { ServableModel } from '#domains/catalog';
import type { Access } from '#platform/access';
import type { Db } from '#platform/db';
import { failure } from '#platform/errors';
import { decodeCursor, pageOf, type Paged, type Trx } from '#platform/http';
import { uuidv7 } from '#platform/ids';
import type { Runtime } from '#ports/runtime';
import type { Checks } from './checks.ts';
import { digestOf, drafted, redrafted, type DeployRequest, type Drafted, type RedeployRequest } from './draft.ts';
import type { Publisher } from './executor.ts';
import { admitted, requireDeploy, requireModel, teamFor } from './guard.ts';
import { normaliseRoute } from './names.ts';
import { configurationOf, rollbackTarget } from './spec.ts';
import {
  endpointNamed,
  findEndpoint,
  findRevision,
  insertEndpoint,
  insertRevision,
  json,
  listEndpoints,
  lockEndpoint,
  revisionsOf,
  tellServing,
  updateEndpoint,
  type EndpointWithTarget,
  type NewRevision,
} from './store.ts';
import { changeState } from './store-state.ts';
import { insertRoute } from './store-routes.ts';
import type { ServingCatalog, ServingConfig } from './types.ts';
import { endpointView, revisionView } from './views.ts';

type Routes = typeof servingRoutes;
type Patch = NonNullable<BodyOf<Routes['updateEndpoint']>>;

interface EndpointsDeps {
  db: Db;
  runtimes: Readonly<Record<string, Runtime>>;
  catalog: ServingCatalog;
  events: Publisher;
  checks: Checks;
  config: ServingConfig;
}

const defaultPlan = 'Roll back to the previous revision.';

/** Endpoints and their revisions: every change is a wish that the reconciler carries out. */
export function createEndpoints(deps: EndpointsDeps) {
  const { db, runtimes, catalog, events, checks, config } = deps;

  async function locked(trx: Trx, access: Access, id: string): Promise<EndpointWithTarget> {
    const row = admitted(access, await lockEndpoint(trx, id), 'endpoint:deploy');
    if (row.desired === 'deleted') throw failure('endpoint_deleting');
    return row;
  }

  const viewed = async (trx: Trx, id: string) => endpointView((await findEndpoint(trx, id))!);

  /** A model that may be served by this identity; it cannot be deleted before the transaction ends. */
  async function servable(trx: Trx, access: Access, id: string): Promise<ServableModel> {
    const known = await catalog.getForServing(id);
    requireModel(access, known.model);
    await catalog.hold(trx, id);
    return (await catalog.deployable(id)).model;
  }

  /** A further revision of an endpoint becomes the wanted one. */
  async function add(trx: Trx, row: EndpointWithTarget, revision: Omit<NewRevision, 'live'>): Promise<Endpoint> {
    const [newest] = await revisionsOf(trx, row.id, { after: null, limit: 1 });
    const number = (newest?.number ?? 0) + 1;
    const spec = {
      ...revision.spec,
      revisionId: uuidv7(),
      endpointId: row.id,
      number,
      environment: row.environment,
      route: row.route,
    };
    await insertRevision(trx, row.id, { ...revision, spec, live: false });
    await updateEndpoint(
      trx,
      row.id,
      { target_revision: number, desired: 'running', desired_reason: null },
      { generation: false },
    );
    await events.publish(trx, 'endpoint.revised', { endpointId: row.id, revision: number, reason: revision.reason });
    await tellServing(trx, row.id);
    return viewed(trx, row.id);
  }

  /** A new endpoint, its first revision and its route of one target. */
  async function create(
    trx: Trx,
    access: Access,
    draft: Drafted,
    options: { reason: 'deploy' | 'promote'; team: string; parityNote: string | null; rollbackPlan: string },
  ): Promise<Endpoint> {
    const { spec, model, name } = draft;
    const { userId, project } = access.identity;
    const owned = {
      team: options.team,
      project: project ?? model.project,
      visibility: model.visibility,
      created_by: userId,
    };
    const targets = [{ endpointId: spec.endpointId, revision: null, weight: 100, priority: 0 }];
    const { environment, route } = spec;
    const inserted = await insertRoute(trx, {
      id: uuidv7(),
      name,
      environment,
      ...owned,
      enabled: true,
      targets: json(targets),
    });
    if (!inserted || (await endpointNamed(trx, environment, name))) throw routeTaken(name, environment);
    await insertEndpoint(
      trx,
      {
        id: spec.endpointId,
        name,
        route,
        environment,
        ...owned,
        min_replicas: spec.minReplicas,
        max_replicas: spec.maxReplicas,
        autoscale_policy: draft.autoscalePolicy === null ? null : json(draft.autoscalePolicy),
        prompt_policy_id: draft.promptPolicyId,
        rollback_plan: options.rollbackPlan,
      },
      {
        spec,
        runtime: draft.runtime,
        artifactDigest: draft.artifactDigest,
        reason: options.reason,
        rolledBackTo: null,
        parityNote: options.parityNote,
        createdBy: userId,
        live: spec.model.type === 'external',
      },
    );
    await events.publish(trx, 'endpoint.deployed', {
      endpointId: spec.endpointId,
      modelId: spec.model.id,
      environment,
    });
    await tellServing(trx, spec.endpointId);
    return viewed(trx, spec.endpointId);
  }

  return {
    async list(access: Access, query: QueryOf<Routes['listEndpoints']>): Promise<Paged<Endpoint[]>> {
      const rows = await listEndpoints(db.kysely, access.scope('endpoint:read', 'endpoint'), {
        ...query,
        after: decodeCursor(query.cursor),
      });
      const page = pageOf(rows, query.limit, (row) => ({ at: row.created_at, id: row.id }));
      return { rows: page.rows.map(endpointView), next: page.next };
    },

    async get(access: Access, id: string): Promise<Endpoint> {
      return endpointView(admitted(access, await findEndpoint(db.kysely, id)));
    },

    async deploy(trx: Trx, access: Access, request: DeployRequest): Promise<Endpoint> {
      const { environment } = request;
      const { name } = normaliseRoute(request.route);
      requireDeploy(access, { name, modelId: request.modelId }, environment);
      const model = await servable(trx, access, request.modelId);
      const draft = drafted(request, model, { config, runtimes });
      if (environment === 'prod' && !request.rollbackPlan?.trim()) {
        throw failure('validation_failed', {
          issues: [{ path: 'rollbackPlan', message: 'Required for prod: how will this be taken back?' }],
        });
      }
      if (await endpointNamed(trx, environment, draft.name)) throw routeTaken(draft.name, environment);
      await checks.refuseDrift(trx, draft.spec, draft.artifactDigest, request.parityNote);
      if (environment === 'prod') await checks.refuseRed(draft.runtime, draft.spec);
      return create(trx, access, draft, {
        reason: 'deploy',
        team: teamFor(access, model),
        parityNote: request.parityNote ?? null,
        rollbackPlan: request.rollbackPlan?.trim() || defaultPlan,
      });
    },

    async update(trx: Trx, access: Access, id: string, patch: Patch): Promise<Endpoint> {
      const row = await locked(trx, access, id);
      const min = patch.minReplicas ?? row.min_replicas;
      const max =
        patch.maxReplicas ?? (patch.minReplicas === undefined ? row.max_replicas : Math.max(row.max_replicas, min));
      const stop = patch.minReplicas === 0 && patch.maxReplicas === 0;
      const scaled = patch.minReplicas !== undefined || patch.maxReplicas !== undefined;
      if (scaled && !stop) refuseScale(min, max);
      const mark = patch.status && {
        type: 'OperatorMark',
        reason: 'MarkedByOperator',
        message: `${access.identity.userId} marked it ${patch.status}.`,
        remedy: 'Nothing to do: the next observation replaces it.',
        since: new Date().toISOString(),
      };
      await updateEndpoint(
        trx,
        id,
        {
          ...(patch.autoscalePolicy === undefined
            ? {}
            : { autoscale_policy: patch.autoscalePolicy === null ? null : json(patch.autoscalePolicy) }),
          ...(patch.promptPolicyId === undefined ? {} : { prompt_policy_id: patch.promptPolicyId }),
          ...(patch.rollbackPlan === undefined ? {} : { rollback_plan: patch.rollbackPlan }),
          ...(stop ? { desired: 'stopped', desired_reason: `${access.identity.userId} scaled it to 0.` } : {}),
          ...(scaled && !stop
            ? { min_replicas: min, max_replicas: max, desired: 'running', desired_reason: null }
            : {}),
          ...(mark ? { status: patch.status!, conditions: json([mark, ...row.conditions]) } : {}),
        },
        { generation: scaled || patch.autoscalePolicy !== undefined },
      );
      // a mark alone wakes nobody: it stays until the next look
      if (scaled || patch.promptPolicyId !== undefined) await tellServing(trx, id);
      return viewed(trx, id);
    },

    async redeploy(trx: Trx, access: Access, id: string, request: RedeployRequest): Promise<Endpoint> {
      const row = await locked(trx, access, id);
      const model = await servable(trx, access, request.modelId ?? row.model_id);
      const draft = redrafted(row.spec, request, model, { config, runtimes, name: row.name });
      const before = configurationOf(row.spec, row.artifact_digest);
      await checks.refuseDrift(trx, draft.spec, draft.artifactDigest, request.parityNote, before);
      return add(trx, row, {
        spec: draft.spec,
        runtime: draft.runtime,
        artifactDigest: draft.artifactDigest,
        reason: 'redeploy',
        rolledBackTo: null,
        parityNote: request.parityNote ?? null,
        createdBy: access.identity.userId,
      });
    },

    async rollback(trx: Trx, access: Access, id: string, revision: number | undefined): Promise<Endpoint> {
      const row = await locked(trx, access, id);
      const history = await revisionsOf(trx, id);
      const past = history.map((one) => ({
        number: one.number,
        rolledBackTo: one.rolled_back_to,
        wasLive: one.live_at !== null,
        configuration: configurationOf(one.spec, one.artifact_digest),
      }));
      const wanted = revision ?? rollbackTarget(past)?.number;
      if (wanted === undefined) {
        const reason = 'There is no earlier revision to go back to, so it is scaled to 0; its history is kept.';
        await updateEndpoint(trx, id, { desired: 'stopped', desired_reason: reason }, { generation: false });
        await events.publish(trx, 'endpoint.stopped', { endpointId: id, reason });
        await tellServing(trx, id);
        const view = await viewed(trx, id);
        const condition = {
          type: 'Stopped',
          reason: 'ScaledToZero',
          message: reason,
          remedy: 'Redeploy it to serve again.',
          since: new Date().toISOString(),
        };
        return { ...view, conditions: [condition, ...view.conditions] };
      }
      const to = history.find(({ number }) => number === wanted);
      if (!to) throw failure('revision_not_found');
      // what was approved then must still be: its bytes are served again
      await catalog.hold(trx, to.model_id);
      const { model } = await catalog.deployable(to.model_id);
      if (digestOf(model) !== to.artifact_digest) {
        throw failure('revision_not_found', {
          message: `The files of ${to.model_name} ${to.version} are no longer those of revision ${to.number}.`,
          remedy: 'Redeploy with a model version whose files are approved.',
        });
      }
      return add(trx, row, {
        spec: to.spec,
        runtime: to.runtime,
        artifactDigest: to.artifact_digest,
        reason: 'rollback',
        rolledBackTo: to.rolled_back_to ?? to.number,
        parityNote: to.parity_note,
        createdBy: access.identity.userId,
      });
    },

    async promote(trx: Trx, access: Access, id: string, request: BodyOf<Routes['promoteEndpoint']>): Promise<Endpoint> {
      const source = admitted(access, await findEndpoint(trx, id));
      const { environment, parityNote } = request;
      requireDeploy(access, { name: source.name, modelId: source.model_id }, environment);
      if (environment === source.environment) {
        throw failure('validation_failed', {
          issues: [{ path: 'environment', message: `It is in ${environment} already.` }],
        });
      }
      const live = await findRevision(trx, id, source.live_revision);
      if (source.status !== 'healthy' || !live) throw failure('endpoint_not_healthy');
      const model = await servable(trx, access, live.model_id);
      if (digestOf(model) !== live.artifact_digest) {
        throw failure('model_approval_void', {
          message: `The files of ${live.model_name} ${live.version} were changed after revision ${live.number}.`,
        });
      }
      const there = await endpointNamed(trx, environment, source.name);
      const endpointId = there?.id ?? uuidv7();
      const spec = {
        ...live.spec,
        revisionId: uuidv7(),
        endpointId,
        number: 1,
        environment,
        minReplicas: source.min_replicas,
        maxReplicas: source.max_replicas,
      };
      if (environment === 'prod' && !(request.rollbackPlan ?? source.rollback_plan).trim()) {
        throw failure('validation_failed', { issues: [{ path: 'rollbackPlan', message: 'Required for prod.' }] });
      }
      const rollbackPlan = request.rollbackPlan?.trim() || source.rollback_plan;
      await checks.refuseDrift(trx, spec, live.artifact_digest, parityNote, undefined, there);
      if (environment === 'prod') await checks.refuseRed(live.runtime, spec);
      if (there) {
        const row = await locked(trx, access, there.id);
        if (request.rollbackPlan)
          await updateEndpoint(trx, row.id, { rollback_plan: rollbackPlan }, { generation: false });
        return add(trx, row, {
          spec,
          runtime: live.runtime,
          artifactDigest: live.artifact_digest,
          reason: 'promote',
          rolledBackTo: null,
          parityNote: parityNote ?? null,
          createdBy: access.identity.userId,
        });
      }
      const draft: Drafted = {
        spec,
        model,
        artifactDigest: live.artifact_digest,
        name: source.name,
        runtime: live.runtime,
        autoscalePolicy: source.autoscale_policy,
        promptPolicyId: source.prompt_policy_id,
      };
      return create(trx, access, draft, {
        reason: 'promote',
        team: source.team,
        parityNote: parityNote ?? null,
        rollbackPlan,
      });
    },

    async remove(trx: Trx, access: Access, id: string): Promise<DataOf<Routes['deleteEndpoint']>> {
      const row = admitted(access, await lockEndpoint(trx, id), 'endpoint:deploy');
      const first = row.desired !== 'deleted';
      if (first) {
        await updateEndpoint(
          trx,
          id,
          { desired: 'deleted', status: 'deleting', deleted_by: access.identity.userId },
          { generation: false },
        );
      } else {
        // asked again: what failed is tried at once
        for (const revision of await revisionsOf(trx, id)) {
          if (revision.remove_after !== null) await changeState(trx, revision.revision_id, { remove_after: null });
        }
      }
      await tellServing(trx, id);
      const stuck = row.conditions.find(({ type }) => type === 'DeleteFailed');
      const message = stuck
        ? `Being deleted; ${stuck.message}`
        : 'It takes no traffic any more; what runs for it is being removed.';
      return { id, status: 'deleting', message };
    },

    async revisions(access: Access, id: string, query: QueryOf<Routes['listRevisions']>) {
      admitted(access, await findEndpoint(db.kysely, id));
      const rows = await revisionsOf(db.kysely, id, { after: decodeCursor(query.cursor), limit: query.limit });
      const page = pageOf(rows, query.limit, (row) => ({ at: row.created_at, id: row.id }));
      return { rows: page.rows.map(revisionView), next: page.next };
    },
  };
}

const routeTaken = (name: string, environment: string) =>
  failure('endpoint_route_taken', { message: `The name "${name}" is taken in ${environment}.` });

/** A running endpoint has at least one replica; to have none is a stop. */
export function refuseScale(min: number, max: number): void {
  if (min === 0) {
    throw failure('validation_failed', {
      issues: [
        {
          path: 'minReplicas',
          message: 'Must be at least 1. To stop a running endpoint, set minReplicas and maxReplicas to 0.',
        },
      ],
    });
  }
  if (min > max) {
    throw failure('validation_failed', {
      issues: [
        { path: 'minReplicas', message: `minReplicas ${min} is above maxReplicas ${max}.` },
        { path: 'maxReplicas', message: `maxReplicas ${max} is below minReplicas ${min}.` },
      ],
    });
  }
}
