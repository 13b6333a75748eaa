import { isDeepStrictEqual } from 'node:util';
import { sql } from 'kysely';
import type { Endpoint, Environment, Permission } from '@llm-ops/contracts';
import type { ServableModel } from '#domains/catalog';
import type { Access } from '#platform/access';
import type { Db } from '#platform/db';
import { failure, type Issue } from '#platform/errors';
import type { Trx } from '#platform/http';
import { uuidv7 } from '#platform/ids';
import type { AibrixModel, Autoscale, Preflight, Runtime } from '#ports/runtime';
import { routeTaken, type Changes } from './wanted.ts';
import { digestOf, modelOf } from './draft.ts';
import { admitted, requireDeploy } from '../guard.ts';
import { normaliseRoute } from '../names.ts';
import { configurationOf, differencesOf } from '../spec.ts';
import {
  endpointNamed,
  endpointsOfRuntime,
  findEndpoint,
  json,
  on,
  tellServing,
  updateEndpoint,
  usageOfTeam,
  type EndpointWithTarget,
} from '../store/endpoints.ts';
import type { ServingSpec } from '../types.ts';
import { endpointView } from '../views.ts';

/** What of a specification a face decides; the rest is the core's. */
export type DeskSpec = Pick<
  ServingSpec,
  'image' | 'useGpu' | 'gpuCount' | 'resources' | 'args' | 'env' | 'imagePullPolicy'
> & { aibrix: AibrixModel };

export interface Scale {
  minReplicas: number;
  maxReplicas: number;
  autoscale: Autoscale | null;
}

export interface Served {
  endpoint: Endpoint;
  spec: ServingSpec;
  autoscale: Autoscale | null;
  /** objects or command of the wanted revision */
  manifests: Record<string, unknown>[];
}

/** A first revision that is not there yet. */
export interface Draft {
  spec: ServingSpec;
  model: ServableModel;
  scale: Scale;
  name: string;
}

/** A change that is not made yet; `differs`: it takes a further revision. */
export interface Redraft {
  row: EndpointWithTarget;
  spec: ServingSpec;
  differs: boolean;
}

export type Desk = ReturnType<typeof createDesk>;

/**
 * For faces of the same core beside its own routes: endpoints of one runtime, made and changed by a specification. Whoever may deploy to the
 * environment may do so here; every call of an id throws `endpoint_not_found` for what is not there or another team's.
 */
export function createDesk(deps: {
  db: Db;
  runtimes: Readonly<Record<string, Runtime>>;
  changes: Changes;
  remove(trx: Trx, access: Access, id: string): Promise<{ message: string }>;
}) {
  const { db, runtimes, changes } = deps;

  function runtimeOf(kind: string): Runtime {
    const runtime = runtimes[kind];
    if (runtime === undefined) throw failure('runtime_unavailable');
    return runtime;
  }

  function served(row: EndpointWithTarget): Served {
    const scale = { minReplicas: row.min_replicas, maxReplicas: row.max_replicas, autoscale: row.autoscale_policy };
    const { manifests } = runtimeOf(row.runtime).plan({ ...row.spec, ...scale, live: true });
    return { endpoint: endpointView(row), spec: row.spec, autoscale: row.autoscale_policy, manifests };
  }

  const again = async (trx: Trx, id: string) => served((await findEndpoint(trx, id))!);

  return {
    async list(access: Access, kind: string): Promise<Served[]> {
      return (await endpointsOfRuntime(db.kysely, access.scope('endpoint:read', 'endpoint'), kind)).map(served);
    },

    async get(access: Access, kind: string, id: string, permission: Permission = 'endpoint:read'): Promise<Served> {
      const row = await findEndpoint(db.kysely, id);
      return served(admitted(access, row?.runtime === kind ? row : null, permission));
    },

    /** The id of an endpoint by the name that it has in an environment; null: there is none. */
    async idOf(kind: string, environment: Environment, name: string): Promise<string | null> {
      const row = await endpointNamed(db.kysely, environment, name);
      return row?.runtime === kind ? row.id : null;
    },

    /** What a team has; until the transaction ends nobody else changes it through here. */
    async usageOf(trx: Trx, kind: string, team: string): Promise<{ endpoints: number; gpus: number }> {
      await sql`select pg_advisory_xact_lock(hashtextextended(${`serving-desk ${kind} ${team}`}, 11))`.execute(on(trx));
      return usageOfTeam(trx, kind, team);
    },
    peekUsage: (kind: string, team: string) => usageOfTeam(db.kysely, kind, team),

    /** Fields of a specification that would certainly make it fail. */
    refused: (kind: string, spec: ServingSpec): Issue[] => runtimeOf(kind).plan(spec).refused ?? [],

    preflight: (kind: string, spec: ServingSpec): Promise<Preflight> => runtimeOf(kind).preflight(spec),

    /** Throws `environment_not_allowed`, `permission_denied`: before anything else is looked at. */
    requireDeploy(access: Access, name: string, environment: Environment): void {
      requireDeploy(access, { name }, environment);
    },

    /** The first revision of an endpoint that is not there yet. Throws what `catalog.deployable` throws, and `endpoint_route_taken`. */
    async draft(
      trx: Trx,
      access: Access,
      asked: { name: string; environment: Environment; modelId: string; spec: DeskSpec; scale: Scale },
    ): Promise<Draft> {
      const { name, environment, scale } = asked;
      const { route } = normaliseRoute(name);
      const model = await changes.servable(trx, access, asked.modelId);
      if (await endpointNamed(trx, environment, name)) throw routeTaken(name, environment);
      const spec: ServingSpec = {
        ...asked.spec,
        revisionId: uuidv7(),
        endpointId: uuidv7(),
        number: 1,
        environment,
        route,
        model: modelOf(model),
        gpuType: null,
        minReplicas: scale.minReplicas,
        maxReplicas: scale.maxReplicas,
        contextLength: null,
        deploymentMode: 'aibrix',
        probes: null,
        asked: asked.spec.resources,
      };
      return { spec, model, scale, name };
    },

    async create(trx: Trx, access: Access, kind: string, draft: Draft, team: string): Promise<Served> {
      const { spec, model, name, scale } = draft;
      const made = await changes.create(
        trx,
        access,
        {
          spec,
          model,
          name,
          artifactDigest: digestOf(model),
          runtime: kind,
          autoscalePolicy: scale.autoscale,
          promptPolicyId: null,
        },
        {
          reason: 'deploy',
          team,
          visibility: 'team',
          parityNote: null,
          rollbackPlan: 'Roll back to the previous revision.',
        },
      );
      return again(trx, made.id);
    },

    /** What a change would make of an endpoint, whose row is held for the transaction. */
    async redraft(trx: Trx, access: Access, id: string, change: DeskSpec): Promise<Redraft> {
      const row = await changes.locked(trx, access, id);
      const spec: ServingSpec = { ...row.spec, ...change, asked: change.resources };
      const differs = differencesOf(configurationOf(row.spec, null), configurationOf(spec, null)).length > 0;
      return { row, spec, differs };
    },

    /** Changes the scale, and adds a revision where the specification differs. */
    async change(trx: Trx, access: Access, { row, spec, differs }: Redraft, scale: Scale): Promise<Served> {
      const { minReplicas, maxReplicas, autoscale } = scale;
      const scaled =
        minReplicas !== row.min_replicas ||
        maxReplicas !== row.max_replicas ||
        !isDeepStrictEqual(autoscale, row.autoscale_policy);
      if (scaled) {
        await updateEndpoint(
          trx,
          row.id,
          {
            min_replicas: minReplicas,
            max_replicas: maxReplicas,
            autoscale_policy: autoscale === null ? null : json(autoscale),
          },
          { generation: true },
        );
      }
      if (differs) {
        const model = await changes.servable(trx, access, row.model_id);
        await changes.add(trx, row, {
          spec: { ...spec, model: modelOf(model), minReplicas, maxReplicas },
          runtime: row.runtime,
          artifactDigest: digestOf(model),
          reason: 'redeploy',
          rolledBackTo: null,
          parityNote: null,
          createdBy: access.identity.userId,
        });
      } else if (scaled) await tellServing(trx, row.id);
      return again(trx, row.id);
    },

    remove: deps.remove,
  };
}
