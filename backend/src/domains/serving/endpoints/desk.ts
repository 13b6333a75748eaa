import { isDeepStrictEqual } from 'node:util';
import { sql } from 'kysely';
import type { ChangeReview, Endpoint, Environment, Permission } from '@llm-ops/contracts';
import type { Access } from '#platform/access';
import type { Db } from '#platform/db';
import { failure, type Issue } from '#platform/errors';
import type { Trx } from '#platform/http';
import { uuidv7 } from '#platform/ids';
import type { AibrixModel, Autoscale, Preflight, Runtime } from '#ports/runtime';
import type { Asking, Face, FaceRequest } from '../changes/faces.ts';
import { recordOf, type createChangeRequests } from '../changes/requests.ts';
import { routeTaken, type Changes, type Prepared } from './wanted.ts';
import { defaultPlan, digestOf, modelOf, type Drafted } from './draft.ts';
import { admitted, requireDeploy } from '../guard.ts';
import { normaliseRoute } from '../names.ts';
import { configurationOf, differencesOf } from '../spec.ts';
import {
  endpointNamed,
  endpointsOfRuntime,
  findEndpoint,
  findRevision,
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

/** What became of a request; `detail` is for the audit entry. */
type AskedFor = { detail: Record<string, unknown> } & (
  | { served: Served; waiting: null }
  | { served: null; waiting: ChangeReview }
);

/** Whether it is another one. */
async function rescale(
  trx: Trx,
  row: EndpointWithTarget,
  { minReplicas, maxReplicas, autoscale }: Scale,
  rollbackPlan: string | undefined,
): Promise<boolean> {
  const scaled =
    minReplicas !== row.min_replicas ||
    maxReplicas !== row.max_replicas ||
    !isDeepStrictEqual(autoscale, row.autoscale_policy);
  if (rollbackPlan) await updateEndpoint(trx, row.id, { rollback_plan: rollbackPlan }, { generation: false });
  if (!scaled) return false;
  const autoscalePolicy = autoscale === null ? null : json(autoscale);
  const changed = { min_replicas: minReplicas, max_replicas: maxReplicas, autoscale_policy: autoscalePolicy };
  await updateEndpoint(trx, row.id, changed, { generation: true });
  return true;
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
  requests: Pick<ReturnType<typeof createChangeRequests>, 'ask' | 'pending' | 'find' | 'withdraw'>;
  faces: { model: Face | null };
  remove(trx: Trx, access: Access, id: string): Promise<{ message: string }>;
}) {
  const { db, runtimes, changes, requests } = deps;

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

    /** A new endpoint of the id. Throws what `catalog.deployable` throws, and `endpoint_route_taken`. */
    async prepareNew(
      trx: Trx,
      access: Access,
      kind: string,
      asked: {
        id: string;
        name: string;
        environment: Environment;
        team: string;
        modelId: string;
        spec: DeskSpec;
        scale: Scale;
        rollbackPlan: string | undefined;
        parityNote: string | undefined;
      },
    ): Promise<Prepared> {
      const { name, environment, scale, team } = asked;
      const { route } = normaliseRoute(name);
      const model = await changes.servable(trx, access, asked.modelId);
      if (await endpointNamed(trx, environment, name)) throw routeTaken(name, environment);
      const spec: ServingSpec = {
        ...asked.spec,
        revisionId: uuidv7(),
        endpointId: asked.id,
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
      const draft: Drafted = {
        spec,
        model,
        name,
        artifactDigest: digestOf(model),
        runtime: kind,
        autoscalePolicy: scale.autoscale,
        promptPolicyId: null,
      };
      const rollbackPlan = asked.rollbackPlan?.trim() ?? '';
      const parityNote = asked.parityNote?.trim() || null;
      return {
        kind: 'deploy',
        draft,
        scale,
        team,
        project: access.identity.project ?? model.project,
        visibility: 'team',
        over: null,
        sourceEndpointId: null,
        known: undefined,
        rollbackPlan,
        same: false,
        commit: (held) =>
          changes.create(held, access, draft, {
            reason: 'deploy',
            team,
            visibility: 'team',
            parityNote,
            rollbackPlan: rollbackPlan || defaultPlan,
          }),
      };
    },

    /** Another scale of an endpoint, whose row is held for the transaction, and a further revision where the specification differs. */
    async prepareChange(
      trx: Trx,
      access: Access,
      id: string,
      asked: {
        spec: DeskSpec;
        scale: Scale;
        rollbackPlan: string | undefined;
        parityNote: string | undefined;
      },
    ): Promise<Prepared & { over: EndpointWithTarget }> {
      const row = await changes.locked(trx, access, id);
      const { scale } = asked;
      const { minReplicas, maxReplicas } = scale;
      const wanted: ServingSpec = { ...row.spec, ...asked.spec, asked: asked.spec.resources };
      const before = configurationOf(row.spec, null);
      const same = differencesOf(before, configurationOf(wanted, null)).length === 0;
      // what only scales needs no approval of the model anew
      const model = same ? null : await changes.servable(trx, access, row.model_id);
      const spec: ServingSpec = model ? { ...wanted, model: modelOf(model), minReplicas, maxReplicas } : wanted;
      const artifactDigest = model ? digestOf(model) : row.artifact_digest;
      const parityNote = asked.parityNote?.trim() || (await findRevision(trx, id, row.target_revision))?.parity_note;
      const rollbackPlan = asked.rollbackPlan?.trim();
      return {
        kind: 'redeploy',
        draft: {
          spec,
          model: spec.model,
          artifactDigest,
          name: row.name,
          runtime: row.runtime,
          autoscalePolicy: scale.autoscale,
          promptPolicyId: row.prompt_policy_id,
        },
        scale,
        team: row.team,
        project: row.project,
        visibility: row.visibility,
        over: row,
        sourceEndpointId: null,
        known: configurationOf(row.spec, row.artifact_digest),
        rollbackPlan: rollbackPlan || row.rollback_plan,
        same,
        async commit(held) {
          const scaled = await rescale(held, row, scale, rollbackPlan);
          if (!same) {
            return changes.add(held, row, {
              spec,
              runtime: row.runtime,
              artifactDigest,
              reason: 'redeploy',
              rolledBackTo: null,
              parityNote: parityNote ?? null,
              createdBy: access.identity.userId,
            });
          }
          if (scaled) await tellServing(held, row.id);
          return changes.viewed(held, row.id);
        },
      };
    },

    /** Requests of this face go the way of all changes from now on. */
    speak(face: Face): void {
      deps.faces.model = face;
    },

    /** Carries it out, or submits it where somebody else must approve it first. */
    async ask(asking: Asking, request: FaceRequest): Promise<AskedFor> {
      const asked = await requests.ask(asking, request);
      const proposed = asked.proposed ? { plan_proposed: true } : {};
      if ('waiting' in asked) {
        const { id: change, plan, parityNote } = asked.waiting;
        const detail = { change, waits: true, plan, parityNote, ...proposed };
        return { served: null, waiting: asked.waiting, detail };
      }
      const served = await again(asking.trx, asked.endpoint.id);
      return { served, waiting: null, detail: { ...recordOf(asked), ...proposed } };
    },
    pendingChanges: requests.pending,
    findChange: requests.find,
    withdrawChange: requests.withdraw,

    remove: deps.remove,
  };
}
