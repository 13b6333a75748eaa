import type { ClusterReadiness, OrganizationModel, organizationRoutes, UnmanagedModel } from '@llm-ops/contracts';
import type { Desk, Pending, Served } from '#domains/serving';
import type { Access } from '#platform/access';
import type { Db } from '#platform/db';
import { failure, isFailure } from '#platform/errors';
import type { Context, Trx } from '#platform/http';
import { idForm, kind, taken, type createFace } from './face.ts';
import type { ModelsSettings } from './rules.ts';
import { modelsOf } from './store.ts';
import type { Tokens } from './tokens.ts';
import { modelView, readinessView, unmanagedView } from './view.ts';
import { isNew, waitingView, type NewPending } from './waiting.ts';
import { words } from './sentences.ts';

type Routes = typeof organizationRoutes;

interface ModelsDeps {
  db: Pick<Db, 'kysely'>;
  desk: Desk;
  face: ReturnType<typeof createFace>;
  tokens: Pick<Tokens, 'remove'>;
  config: ModelsSettings;
}

/** Models of organizations: document 004's words for endpoints of the serving core. */
export function createModels(deps: ModelsDeps) {
  const { db, desk, face, tokens, config } = deps;
  const { find, requireCluster } = face;

  const ofEndpoint = (pending: readonly Pending[], id: string) =>
    pending.find(({ change }) => change.endpointId === id)?.change;

  /** With the change of it that is not carried out yet. */
  async function viewed(access: Access, served: Served, trx?: Trx): Promise<OrganizationModel> {
    const { id } = served.endpoint;
    const rows = await modelsOf(trx ?? db.kysely, [id]);
    return modelView(served, rows.get(id), ofEndpoint(await desk.pendingChanges(access), id));
  }

  async function managed(access: Access): Promise<OrganizationModel[]> {
    const found = await desk.list(access, kind);
    const rows = await modelsOf(
      db.kysely,
      found.map(({ endpoint }) => endpoint.id),
    );
    const pending = await desk.pendingChanges(access);
    return [
      ...pending.filter(isNew).map((one) => waitingView(one, config)),
      ...found.map((served) => {
        const { id } = served.endpoint;
        return modelView(served, rows.get(id), ofEndpoint(pending, id));
      }),
    ];
  }

  /** A new model that waits for approval, by the id of its change or by its name. */
  async function waiting(access: Access, idOrName: string): Promise<NewPending | undefined> {
    const pending = (await desk.pendingChanges(access)).filter(isNew);
    return pending.find(({ change, request }) => change.id === idOrName || request.name === idOrName);
  }

  /** One that will not be, for whoever keeps asking for it by the id that it got. */
  async function rejected(access: Access, id: string): Promise<NewPending | undefined> {
    const asked = idForm.test(id) ? await desk.findChange(access, id) : null;
    return asked && isNew(asked) && asked.change.status === 'rejected' ? asked : undefined;
  }

  /** What is there, or else what may come to be; throws as `find`. */
  async function findEither<T>(access: Access, idOrName: string, found: () => Promise<T>): Promise<T | NewPending> {
    try {
      return await found();
    } catch (error) {
      if (!isFailure(error, 'organization_model_not_found')) throw error;
      const asked = await waiting(access, idOrName);
      if (asked === undefined) throw error;
      return asked;
    }
  }

  return {
    async status(access: Access): Promise<ClusterReadiness> {
      const seen = await requireCluster().status();
      const { teams } = access.identity;
      const organization = teams === '*' ? null : (teams[0] ?? null);
      const used = organization === null ? { endpoints: 0, gpus: 0 } : await desk.peekUsage(kind, organization);
      return readinessView(organization, seen, used, config);
    },

    async list(access: Access): Promise<{ models: OrganizationModel[]; total: number }> {
      requireCluster();
      const models = await managed(access);
      return { models, total: models.length };
    },

    async all(access: Access): Promise<{ models: (OrganizationModel | UnmanagedModel)[]; total: number }> {
      const foreign = await requireCluster().foreign();
      const models = [...(await managed(access)), ...foreign.map(unmanagedView)];
      return { models, total: models.length };
    },

    async get(access: Access, id: string): Promise<{ model: OrganizationModel }> {
      requireCluster();
      const found = await findEither(access, id, () => find(access, id)).catch(async (error: unknown) => {
        const asked = isFailure(error, 'organization_model_not_found') ? await rejected(access, id) : undefined;
        if (asked === undefined) throw error;
        return asked;
      });
      return { model: 'change' in found ? waitingView(found, config) : await viewed(access, found) };
    },

    async create(c: Context<Routes['createOrganizationModel']>): Promise<{ model: OrganizationModel }> {
      const { access, body } = c;
      requireCluster();
      const request = { ...body, kind: 'create-model' as const };
      if (await waiting(access, body.name)) throw taken(words.tell('taken_waiting', { name: body.name }));
      const { served, waiting: change, detail } = await desk.ask(c, request);
      const model = served ? await viewed(access, served, c.trx) : waitingView({ change, request }, config);
      const { name, organization, huggingface_id: huggingfaceId } = model;
      const { gpu_count: gpuCount } = model.deployment_config;
      c.note(model.id, { name, organization, huggingfaceId, gpuCount, ...detail });
      return { model };
    },

    async update(c: Context<Routes['updateOrganizationModel']>): Promise<{ model: OrganizationModel }> {
      const { access, body } = c;
      requireCluster();
      const { id } = c.params;
      const request = { ...body, kind: 'update-model' as const, id };
      const asked = await findEither(access, id, () => desk.ask(c, request));
      if ('request' in asked) throw waits(asked);
      const { served, waiting: change, detail } = asked;
      const changed = Object.keys(body);
      if (served) {
        c.note(served.endpoint.id, { changed, revision: served.endpoint.targetRevision, ...detail });
        return { model: await viewed(access, served, c.trx) };
      }
      const before = await find(access, id);
      c.note(before.endpoint.id, { changed, ...detail });
      const row = (await modelsOf(c.trx, [before.endpoint.id])).get(before.endpoint.id);
      return { model: modelView(before, row, change) };
    },

    async remove(c: Context<Routes['deleteOrganizationModel']>) {
      const { access, trx } = c;
      requireCluster();
      const before = await findEither(access, c.params.id, () => find(access, c.params.id, 'endpoint:deploy'));
      if ('change' in before) {
        const { id } = await desk.withdrawChange(trx, access, before.change.id);
        const { name } = before.request;
        c.note(id, { name, change: id, withdrawn: true });
        const message = 'It was waiting for approval: its change is withdrawn.';
        return { id, name, status: 'deleting' as const, message };
      }
      const { id } = before.endpoint;
      const { message } = await desk.remove(trx, access, id);
      await tokens.remove(trx, id);
      c.note(id, { name: before.spec.aibrix?.name });
      return { id, name: (await viewed(access, before, trx)).name, status: 'deleting' as const, message };
    },
  };
}

const waits = ({ change, request }: NewPending) =>
  failure('organization_model_waiting', {
    message: `"${request.name}" waits for change ${change.id}, which is ${change.status.replace('_', ' ')}.`,
  });
