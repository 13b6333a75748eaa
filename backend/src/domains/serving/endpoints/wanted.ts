import type { BodyOf, Change as ChangeKind, ChangeRequest, Endpoint, servingRoutes } from '@llm-ops/contracts';
import type { ServableModel } from '#domains/catalog';
import type { Access } from '#platform/access';
import { failure } from '#platform/errors';
import type { Trx } from '#platform/http';
import { uuidv7 } from '#platform/ids';
import type { Drafted } from './draft.ts';
import type { Publisher } from '../rollout/executor.ts';
import { admitted, requireModel } from '../guard.ts';
import {
  endpointNamed,
  findEndpoint,
  insertEndpoint,
  insertRevision,
  json,
  lockEndpoint,
  revisionsOf,
  tellServing,
  updateEndpoint,
  type EndpointWithTarget,
  type NewRevision,
} from '../store/endpoints.ts';
import { closeCanary, insertCanary } from '../store/canaries.ts';
import { insertRoute } from '../store/routes.ts';
import type { AutoscalePolicy, ServingCatalog, ServingSpec, Visibility } from '../types.ts';
import { endpointView } from '../views.ts';
import { refusalWords } from '../sentences.ts';

type CanaryPlan = NonNullable<NonNullable<BodyOf<(typeof servingRoutes)['redeployEndpoint']>>['canary']>;

/** A change that may be made by whoever asked for it, and is not made yet. */
export interface Prepared {
  kind: ChangeKind['kind'];
  draft: Omit<Drafted, 'model'> & { model: ServingSpec['model'] };
  scale: { minReplicas: number; maxReplicas: number; autoscale: AutoscalePolicy | null };
  team: string;
  project: string | null;
  visibility: Visibility;
  /** that gets a further revision; null: a new one is made */
  over: EndpointWithTarget | null;
  sourceEndpointId: string | null;
  /** of a redeployment: the configuration before */
  known: Record<string, unknown> | undefined;
  /** as asked for; empty: not at all */
  rollbackPlan: string;
  /** nothing of the configuration changes: a restart, or another scale */
  same: boolean;
  /** of another face: throws, in its own words, for what would not fit or start */
  refuse?: () => Promise<void>;
  /** what is stored of the request while it waits, where that is not all of it: its secrets are kept by `keep` */
  stored?: ChangeRequest;
  keep?: (trx: Trx) => Promise<void>;
  commit(trx: Trx): Promise<Endpoint>;
}

export type Changes = ReturnType<typeof createChanges>;

/** The two ways in which something new is wanted: a new endpoint, or a further revision of one. */
export function createChanges({ catalog, events }: { catalog: ServingCatalog; events: Publisher }) {
  const viewed = async (trx: Trx, id: string) => endpointView((await findEndpoint(trx, id))!);

  return {
    viewed,

    /** The row, held for the transaction. Throws `endpoint_not_found`, `endpoint_deleting`, or why this identity may not. */
    async locked(trx: Trx, access: Access, id: string): Promise<EndpointWithTarget> {
      const row = admitted(access, await lockEndpoint(trx, id), 'endpoint:deploy');
      if (row.desired === 'deleted') throw failure('endpoint_deleting');
      return row;
    },

    /** A model that may be served by this identity; it cannot be deleted before the transaction ends. */
    async servable(trx: Trx, access: Access, id: string): Promise<ServableModel> {
      const known = await catalog.getForServing(id, trx);
      requireModel(access, known.model);
      await catalog.hold(trx, id);
      return (await catalog.deployable(id, trx)).model;
    },

    /** A further revision of an endpoint becomes the wanted one. */
    async add(
      trx: Trx,
      row: EndpointWithTarget,
      revision: Omit<NewRevision, 'live'>,
      canary?: CanaryPlan,
    ): Promise<Endpoint> {
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
      const by = revision.createdBy;
      const message = `${by} asked for revision ${number} before it had taken all traffic.`;
      await closeCanary(trx, row.id, { state: 'superseded', by, reason: 'Superseded', message });
      if (canary !== undefined) {
        const plan = { endpointId: row.id, revision: number, stable: row.live_revision, createdBy: by };
        await insertCanary(trx, { ...canary, ...plan });
      }
      await updateEndpoint(
        trx,
        row.id,
        { target_revision: number, desired: 'running', desired_reason: null },
        { generation: false },
      );
      await events.publish(trx, 'endpoint.revised', { endpointId: row.id, revision: number, reason: revision.reason });
      await tellServing(trx, row.id);
      return viewed(trx, row.id);
    },

    /** A new endpoint, its first revision and its route of one target. */
    async create(
      trx: Trx,
      access: Access,
      draft: Drafted,
      options: {
        reason: 'deploy' | 'promote';
        team: string;
        parityNote: string | null;
        rollbackPlan: string;
        visibility?: 'team' | 'organization';
      },
    ): Promise<Endpoint> {
      const { spec, model, name } = draft;
      const { userId, project } = access.identity;
      const owned = {
        team: options.team,
        project: project ?? model.project,
        visibility: options.visibility ?? model.visibility,
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
    },
  };
}

/** The answer to a name that somebody else has. */
export const routeTaken = (name: string, environment: string) =>
  failure('endpoint_route_taken', refusalWords.tell('name_taken', { name, environment }));
