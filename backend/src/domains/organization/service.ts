import type { ClusterReadiness, OrganizationModel, organizationRoutes, UnmanagedModel } from '@llm-ops/contracts';
import type { Catalog } from '#domains/catalog';
import type { Desk, Redraft, Served } from '#domains/serving';
import type { Access } from '#platform/access';
import type { Db } from '#platform/db';
import { failure, isFailure } from '#platform/errors';
import type { Context, Trx } from '#platform/http';
import type { Secrets } from '#platform/secrets';
import type { ModelCluster } from '#ports/models';
import { changed, resolve, wishNow, wishOf, type ModelsSettings, type Resolved } from './rules.ts';
import { modelsOf, putModel } from './store.ts';
import { modelView, readinessView, unmanagedView } from './view.ts';

type Routes = typeof organizationRoutes;

export interface OrganizationDeps {
  db: Pick<Db, 'kysely'>;
  desk: Desk;
  catalog: Pick<Catalog, 'entryOf'>;
  secrets: Pick<Secrets, 'put' | 'remove'>;
  /** null: the platform serves on no cluster, or models of organizations are off */
  cluster: ModelCluster | null;
  config: ModelsSettings;
}

/** which of the serving core's runtimes these models run on */
const kind = 'aibrix';
export const tokenOwner = (endpointId: string) => `endpoint:${endpointId}`;
export const tokenName = 'hugging_face_token';
const idForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Models of organizations: document 004's words for endpoints of the serving core. */
export function createModels(deps: OrganizationDeps) {
  const { db, desk, catalog, secrets, config } = deps;

  function requireCluster(): ModelCluster {
    if (deps.cluster === null) throw failure('organization_model_unavailable');
    return deps.cluster;
  }

  async function viewed(served: Served, trx?: Trx): Promise<OrganizationModel> {
    const rows = await modelsOf(trx ?? db.kysely, [served.endpoint.id]);
    return modelView(served, rows.get(served.endpoint.id));
  }

  /** Whoever may not know of it hears what they hear of one that is not there. */
  async function find(access: Access, idOrName: string, permission?: 'endpoint:deploy'): Promise<Served> {
    try {
      const id = idForm.test(idOrName) ? idOrName : await desk.idOf(kind, config.environment, idOrName);
      if (id === null) throw failure('endpoint_not_found');
      return await desk.get(access, kind, id, permission);
    } catch (error) {
      if (!isFailure(error, 'endpoint_not_found')) throw error;
      throw failure('organization_model_not_found', { hidden: error.hidden });
    }
  }

  async function managed(access: Access): Promise<OrganizationModel[]> {
    const found = await desk.list(access, kind);
    const ids = found.map(({ endpoint }) => endpoint.id);
    const rows = await modelsOf(db.kysely, ids);
    return found.map((served) => modelView(served, rows.get(served.endpoint.id)));
  }

  async function requireRoom(
    trx: Trx,
    organization: string,
    next: Resolved['scale'] & { gpuCount: number },
    before: { models: number; gpus: number },
  ): Promise<void> {
    const used = await desk.usageOf(trx, kind, organization);
    const { models, gpus } = config.quota;
    const wanted = {
      models: used.endpoints - before.models + 1,
      gpus: used.gpus - before.gpus + next.gpuCount * next.maxReplicas,
    };
    const over = [
      ...(models !== null && wanted.models > models ? [`${wanted.models} models of ${models}`] : []),
      ...(gpus !== null && wanted.gpus > gpus
        ? [`${wanted.gpus} GPUs of ${gpus} (gpu_count × max_replicas of all its models)`]
        : []),
    ];
    if (over.length === 0) return;
    throw failure('organization_model_resources_insufficient', {
      message: `The quota of ${organization} has no room: it would have ${over.join(' and ')}.`,
      remedy: 'Ask for fewer GPUs or replicas, delete a model, or have the quota raised (MODELS_QUOTA_*).',
    });
  }

  /** Throws `validation_failed` naming each argument that the image's program is known to end by. */
  function requireArguments(spec: Redraft['spec']): void {
    const issues = desk.refused(kind, spec);
    if (issues.length === 0) return;
    throw failure('validation_failed', {
      issues: issues.map(({ path, message }) => ({ path: `deployment_config.${path}`, message })),
    });
  }

  async function requireFit(spec: Redraft['spec']): Promise<void> {
    const { level, checks } = await desk.preflight(kind, spec);
    if (level !== 'red') return;
    const red = checks.filter((check) => check.level === 'red');
    throw failure('organization_model_resources_insufficient', {
      message: red.map(({ message }) => message).join(' '),
      remedy: red.flatMap(({ remedy }) => remedy ?? []).join(' '),
    });
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
      return { model: await viewed(await find(access, id)) };
    },

    async create(c: Context<Routes['createOrganizationModel']>): Promise<{ model: OrganizationModel }> {
      const { access, trx, body } = c;
      const { name, huggingface_id: huggingfaceId } = body;
      const cluster = requireCluster();
      const { environment } = config;
      desk.requireDeploy(access, name, environment);
      await requireOperators(cluster);
      const organization = organizationOf(access, body.organization);
      const { spec, scale, issues } = resolve(name, wishOf(body), config);
      if (issues.length > 0) throw failure('validation_failed', { issues });
      const description = body.description ?? `${body.display_name ?? name}, served from Hugging Face.`;
      if (await cluster.isTaken(name)) throw taken(name, 'on the cluster, made by something else');
      const modelId = await catalog.entryOf(c, { huggingfaceId, team: organization, description });
      const draft = await desk
        .draft(trx, access, { name, environment, modelId, spec, scale })
        .catch((error: unknown) => {
          if (isFailure(error, 'endpoint_route_taken')) throw taken(name, `in ${environment}`);
          if (isFailure(error) && error.code.startsWith('model_'))
            throw failure('organization_model_not_approved', { message: error.message, remedy: error.remedy });
          throw error;
        });
      requireArguments(draft.spec);
      await requireRoom(trx, organization, { ...scale, gpuCount: spec.gpuCount }, { models: 0, gpus: 0 });
      await requireFit(draft.spec);
      const served = await desk.create(trx, access, kind, draft, organization);
      const { id } = served.endpoint;
      const token = body.deployment_config.hugging_face_token;
      if (token) await secrets.put(trx, tokenOwner(id), tokenName, token);
      const row = await putModel(trx, {
        endpoint_id: id,
        display_name: body.display_name ?? name,
        description: body.description ?? '',
        model_type: body.model_type,
        huggingface_id: huggingfaceId,
        requirements: body.requirements,
      });
      c.note(id, { name, organization, huggingfaceId, gpuCount: spec.gpuCount });
      return { model: modelView(served, row) };
    },

    async update(c: Context<Routes['updateOrganizationModel']>): Promise<{ model: OrganizationModel }> {
      const { access, trx, body } = c;
      const cluster = requireCluster();
      const before = await find(access, c.params.id, 'endpoint:deploy');
      await requireOperators(cluster);
      const { id } = before.endpoint;
      const row = (await modelsOf(trx, [id])).get(id);
      const view = modelView(before, row);
      const wish = changed(wishNow(before, row), body);
      const { spec, scale, issues } = resolve(view.name, wish, config);
      const fixed = (['name', 'huggingface_id'] as const).filter(
        (field) => body[field] !== undefined && body[field] !== view[field],
      );
      issues.push(...fixed.map((path) => ({ path, message: `Cannot be changed: it is ${view[path]}.` })));
      if (issues.length > 0) throw failure('validation_failed', { issues });
      const redraft = await desk.redraft(trx, access, id, spec);
      if (redraft.differs) requireArguments(redraft.spec);
      const used = redraft.row.spec.gpuCount * redraft.row.max_replicas;
      const gpus = spec.gpuCount * scale.maxReplicas;
      // less is always welcome, also above a quota that was lowered
      if (gpus > used)
        await requireRoom(trx, view.organization, { ...scale, gpuCount: spec.gpuCount }, { models: 1, gpus: used });
      if (redraft.differs) await requireFit({ ...redraft.spec, minReplicas: scale.minReplicas });
      const served = await desk.change(trx, access, redraft, scale);
      const token = body.deployment_config?.hugging_face_token;
      if (token === null) await secrets.remove(trx, tokenOwner(id));
      else if (token !== undefined) await secrets.put(trx, tokenOwner(id), tokenName, token);
      const put = await putModel(trx, {
        endpoint_id: id,
        display_name: body.display_name ?? view.display_name,
        description: body.description ?? view.description,
        model_type: body.model_type ?? view.model_type,
        huggingface_id: view.huggingface_id,
        requirements: wish.requirements,
      });
      c.note(id, { changed: Object.keys(body), revision: served.endpoint.targetRevision });
      return { model: modelView(served, put) };
    },

    async remove(c: Context<Routes['deleteOrganizationModel']>) {
      const { access, trx } = c;
      requireCluster();
      const before = await find(access, c.params.id, 'endpoint:deploy');
      const { id } = before.endpoint;
      const { message } = await desk.remove(trx, access, id);
      await secrets.remove(trx, tokenOwner(id));
      c.note(id, { name: before.spec.aibrix?.name });
      return { id, name: (await viewed(before, trx)).name, status: 'deleting' as const, message };
    },
  };
}

const taken = (name: string, where: string) =>
  failure('organization_model_name_taken', { message: `There is a model or object named "${name}" ${where} already.` });

async function requireOperators(cluster: ModelCluster): Promise<void> {
  const missing = (await cluster.operators()).filter(({ required, installed }) => required && !installed);
  if (missing.length === 0) return;
  throw failure('organization_model_operator_missing', {
    message: `The cluster lacks ${missing.map(({ name, crd }) => `${crd} (${name})`).join(' and ')}, which models need.`,
  });
}

/** Whose a new model is: one of the token's organizations. */
function organizationOf(access: Access, asked: string | undefined): string {
  const { teams, roles } = access.identity;
  const every = teams === '*' || roles.includes('admin');
  if (asked !== undefined) {
    if (every || teams.includes(asked)) return asked;
    throw failure('permission_denied', {
      message: `The token does not name the organization ${asked}.`,
      remedy: `Use one of ${teams.join(', ') || 'no organization: ask an administrator for one'}.`,
      data: { rule: 'team' },
    });
  }
  const own = teams === '*' ? 'default' : (teams[0] ?? (every ? 'default' : undefined));
  if (own !== undefined) return own;
  throw failure('permission_denied', {
    message: 'The token names no organization.',
    remedy: 'Ask an administrator to make you a member of a team.',
    data: { rule: 'team' },
  });
}
