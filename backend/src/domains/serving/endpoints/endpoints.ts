import type { BodyOf, DataOf, Endpoint, QueryOf, servingRoutes } from '@llm-ops/contracts';
import type { Access } from '#platform/access';
import type { Db } from '#platform/db';
import { failure } from '#platform/errors';
import { decodeCursor, pageOf, type Paged, type Trx } from '#platform/http';
import type { Runtime } from '#ports/runtime';
import { routeTaken, type Changes, type Prepared } from './wanted.ts';
import { defaultPlan, drafted, type DeployRequest } from './draft.ts';
import { admitted, requireDeploy, teamFor } from '../guard.ts';
import { normaliseRoute } from '../names.ts';
import {
  endpointNamed,
  findEndpoint,
  json,
  listEndpoints,
  lockEndpoint,
  revisionsOf,
  tellServing,
  updateEndpoint,
} from '../store/endpoints.ts';
import { closeCanary } from '../store/canaries.ts';
import { changeState } from '../store/state.ts';
import { refusalWords, words } from '../sentences.ts';
import type { ServingConfig } from '../types.ts';
import { endpointView } from '../views.ts';

type Routes = typeof servingRoutes;
type Patch = NonNullable<BodyOf<Routes['updateEndpoint']>>;

interface EndpointsDeps {
  db: Db;
  runtimes: Readonly<Record<string, Runtime>>;
  changes: Changes;
  config: ServingConfig;
}

/** Endpoints: every change is a wish that the reconciler carries out. */
export function createEndpoints(deps: EndpointsDeps) {
  const { db, runtimes, changes, config } = deps;
  const { create, locked, servable, viewed } = changes;

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

    /** A new endpoint. Throws why it may not be or cannot be; what is yet to be explained or approved is not looked at. */
    async prepare(trx: Trx, access: Access, request: DeployRequest): Promise<Prepared> {
      const { environment } = request;
      const { name } = normaliseRoute(request.route);
      requireDeploy(access, { name, modelId: request.modelId }, environment);
      const model = await servable(trx, access, request.modelId);
      const draft = drafted(request, model, { config, runtimes });
      if (await endpointNamed(trx, environment, draft.name)) throw routeTaken(draft.name, environment);
      const { minReplicas, maxReplicas } = draft.spec;
      const rollbackPlan = request.rollbackPlan?.trim() ?? '';
      const team = teamFor(access, model);
      return {
        kind: 'deploy',
        draft,
        scale: { minReplicas, maxReplicas, autoscale: draft.autoscalePolicy },
        team,
        project: access.identity.project ?? model.project,
        visibility: model.visibility,
        over: null,
        sourceEndpointId: null,
        known: undefined,
        rollbackPlan,
        same: false,
        commit: (held) =>
          create(held, access, draft, {
            reason: 'deploy',
            team,
            parityNote: request.parityNote ?? null,
            rollbackPlan: rollbackPlan || defaultPlan,
          }),
      };
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
        ...words.tell('marked', { by: access.identity.userId, status: patch.status }),
        since: new Date().toISOString(),
      };
      const end = { state: 'superseded', by: access.identity.userId, reason: 'Stopped' } as const;
      const halted = stop && (await closeCanary(trx, id, end));
      await updateEndpoint(
        trx,
        id,
        {
          // started again, it serves what served
          ...(halted ? { target_revision: row.live_revision } : {}),
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

    async remove(trx: Trx, access: Access, id: string): Promise<DataOf<Routes['deleteEndpoint']>> {
      const row = admitted(access, await lockEndpoint(trx, id), 'endpoint:deploy');
      const first = row.desired !== 'deleted';
      if (first) {
        await closeCanary(trx, id, { state: 'superseded', by: access.identity.userId, reason: 'Deleted' });
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
  };
}

/** A running endpoint has at least one replica; to have none is a stop. */
function refuseScale(min: number, max: number): void {
  if (min === 0) {
    throw failure('validation_failed', {
      issues: [{ path: 'minReplicas', ...refusalWords.tell('no_replica') }],
    });
  }
  if (min > max) {
    throw failure('validation_failed', {
      issues: [
        { path: 'minReplicas', ...refusalWords.tell('least_above', { least: min, most: max }) },
        { path: 'maxReplicas', ...refusalWords.tell('most_below', { least: min, most: max }) },
      ],
    });
  }
}
