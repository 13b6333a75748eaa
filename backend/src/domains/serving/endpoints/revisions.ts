import type { BodyOf, Endpoint, QueryOf, servingRoutes } from '@llm-ops/contracts';
import type { Access } from '#platform/access';
import type { Db } from '#platform/db';
import { failure } from '#platform/errors';
import { decodeCursor, pageOf, type Trx } from '#platform/http';
import { uuidv7 } from '#platform/ids';
import type { Runtime } from '#ports/runtime';
import type { Changes, Prepared } from './wanted.ts';
import { digestOf, redrafted, type Drafted, type RedeployRequest } from './draft.ts';
import type { Publisher } from '../rollout/executor.ts';
import { admitted, requireDeploy } from '../guard.ts';
import { configurationOf, differencesOf, rollbackTarget } from '../spec.ts';
import {
  endpointNamed,
  findEndpoint,
  findRevision,
  revisionsOf,
  tellServing,
  updateEndpoint,
  type EndpointWithTarget,
} from '../store/endpoints.ts';
import { refusalWords, words } from '../sentences.ts';
import type { ServingCatalog, ServingConfig } from '../types.ts';
import { revisionView } from '../views.ts';

type Routes = typeof servingRoutes;

interface RevisionsDeps {
  db: Db;
  runtimes: Readonly<Record<string, Runtime>>;
  catalog: ServingCatalog;
  events: Publisher;
  changes: Changes;
  config: ServingConfig;
}

/** Further revisions of an endpoint: by redeployment, rollback and promotion. */
export function createRevisions(deps: RevisionsDeps) {
  const { db, runtimes, catalog, events, changes, config } = deps;
  const { add, create, locked, servable, viewed } = changes;

  return {
    async list(access: Access, id: string, query: QueryOf<Routes['listRevisions']>) {
      admitted(access, await findEndpoint(db.kysely, id));
      const rows = await revisionsOf(db.kysely, id, { after: decodeCursor(query.cursor), limit: query.limit });
      const page = pageOf(rows, query.limit, (row) => ({ at: row.created_at, id: row.id }));
      return { rows: page.rows.map(revisionView), next: page.next };
    },

    /** A further revision of an endpoint, whose row is held for the transaction. */
    async prepareRedeploy(trx: Trx, access: Access, id: string, request: RedeployRequest): Promise<Prepared> {
      const row = await locked(trx, access, id);
      if (request.canary && (row.live_revision === 0 || row.desired !== 'running'))
        throw failure('canary_without_live');
      const model = await servable(trx, access, request.modelId ?? row.model_id);
      const draft = redrafted(row.spec, request, model, { config, runtimes, name: row.name });
      const known = configurationOf(row.spec, row.artifact_digest);
      // what differed before stays explained
      const parityNote = request.parityNote?.trim() || (await findRevision(trx, id, row.target_revision))?.parity_note;
      return {
        kind: 'redeploy',
        draft,
        ...belonging(row),
        over: row,
        sourceEndpointId: null,
        known,
        rollbackPlan: row.rollback_plan,
        same: differencesOf(known, configurationOf(draft.spec, draft.artifactDigest)).length === 0,
        commit: (held) =>
          add(
            held,
            row,
            {
              spec: draft.spec,
              runtime: draft.runtime,
              artifactDigest: draft.artifactDigest,
              reason: 'redeploy',
              rolledBackTo: null,
              parityNote: parityNote ?? null,
              createdBy: access.identity.userId,
            },
            request.canary,
          ),
      };
    },

    async rollback(trx: Trx, access: Access, id: string, revision: number | undefined): Promise<Endpoint> {
      const row = await locked(trx, access, id);
      const history = await revisionsOf(trx, id);
      const past = history.map((one) => ({
        number: one.number,
        rolledBackTo: one.rolled_back_to,
        wasLive: one.live_at !== null && one.state !== 'failed',
        configuration: configurationOf(one.spec, one.artifact_digest),
      }));
      const wanted = revision ?? rollbackTarget(past)?.number;
      if (wanted === undefined) {
        const told = words.tell('nothing_before');
        const reason = told.message;
        await updateEndpoint(trx, id, { desired: 'stopped', desired_reason: reason }, { generation: false });
        await events.publish(trx, 'endpoint.stopped', { endpointId: id, reason });
        await tellServing(trx, id);
        const view = await viewed(trx, id);
        const condition = {
          type: 'Stopped',
          reason: 'ScaledToZero',
          ...told,
          since: new Date().toISOString(),
        };
        return { ...view, conditions: [condition, ...view.conditions] };
      }
      const to = history.find(({ number }) => number === wanted);
      if (!to) throw failure('revision_not_found');
      // what was approved then must still be: its bytes are served again
      await catalog.hold(trx, to.model_id);
      const { model } = await catalog.deployable(to.model_id, trx);
      if (digestOf(model) !== to.artifact_digest) {
        const { model_name: name, version, number } = to;
        const told = refusalWords.tell('files_gone', { model: name, version, revision: String(number) });
        throw failure('revision_not_found', told);
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

    /** The revision that answers here, in another environment: over an endpoint of the same name there, else as a new one. */
    async preparePromote(
      trx: Trx,
      access: Access,
      id: string,
      request: BodyOf<Routes['promoteEndpoint']>,
    ): Promise<Prepared> {
      const source = admitted(access, await findEndpoint(trx, id));
      const { environment, parityNote } = request;
      requireDeploy(access, { name: source.name, modelId: source.model_id }, environment);
      if (environment === source.environment) {
        throw failure('validation_failed', {
          issues: [{ path: 'environment', ...refusalWords.tell('there_already', { environment }) }],
        });
      }
      const live = await findRevision(trx, id, source.live_revision);
      if (source.status !== 'healthy' || !live) throw failure('endpoint_not_healthy');
      const model = await servable(trx, access, live.model_id);
      if (digestOf(model) !== live.artifact_digest) {
        const { model_name: name, version, number } = live;
        const told = refusalWords.tell('files_changed', { model: name, version, revision: String(number) });
        throw failure('model_approval_void', told);
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
      const rollbackPlan = request.rollbackPlan?.trim() || source.rollback_plan.trim();
      const draft: Drafted = {
        spec,
        model,
        artifactDigest: live.artifact_digest,
        name: source.name,
        runtime: live.runtime,
        autoscalePolicy: source.autoscale_policy,
        promptPolicyId: source.prompt_policy_id,
      };
      const row = there && (await locked(trx, access, there.id));
      return {
        kind: 'promote',
        draft,
        ...belonging(row ?? source),
        over: row,
        sourceEndpointId: source.id,
        known: undefined,
        rollbackPlan,
        same: false,
        async commit(held) {
          if (row === null) {
            const { team } = source;
            return create(held, access, draft, {
              reason: 'promote',
              team,
              parityNote: parityNote ?? null,
              rollbackPlan,
            });
          }
          if (request.rollbackPlan)
            await updateEndpoint(held, row.id, { rollback_plan: rollbackPlan }, { generation: false });
          return add(held, row, {
            spec,
            runtime: live.runtime,
            artifactDigest: live.artifact_digest,
            reason: 'promote',
            rolledBackTo: null,
            parityNote: parityNote ?? null,
            createdBy: access.identity.userId,
          });
        },
      };
    },
  };
}

/** What a revision of an endpoint takes from it. */
function belonging(row: EndpointWithTarget): Pick<Prepared, 'scale' | 'team' | 'project' | 'visibility'> {
  const { min_replicas: minReplicas, max_replicas: maxReplicas, autoscale_policy: autoscale } = row;
  const { team, project, visibility } = row;
  return { scale: { minReplicas, maxReplicas, autoscale }, team, project, visibility };
}
