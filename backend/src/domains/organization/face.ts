import type { Catalog } from '#domains/catalog';
import type { Asking, Desk, FaceRequest, Prepared, Served } from '#domains/serving';
import type { Access } from '#platform/access';
import { failure, isFailure } from '#platform/errors';
import type { Trx } from '#platform/http';
import type { Said } from '#platform/words';
import type { ModelCluster } from '#ports/models';
import { changed, resolve, wishNow, wishOf, type ModelsSettings, type Resolved } from './rules.ts';
import { modelsOf, putModel } from './store.ts';
import type { Tokens } from './tokens.ts';
import { modelView } from './view.ts';
import { words } from './sentences.ts';

export interface FaceDeps {
  desk: Desk;
  catalog: Pick<Catalog, 'entryOf'>;
  tokens: Tokens;
  /** null: the platform serves on no cluster, or models of organizations are off */
  cluster: ModelCluster | null;
  config: ModelsSettings;
}

type Create = Extract<FaceRequest, { kind: 'create-model' }>;
type Update = Extract<FaceRequest, { kind: 'update-model' }>;

/** which of the serving core's runtimes these models run on */
export const kind = 'aibrix';
export const idForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** What document 004's requests mean to the serving core, which decides what becomes of them. */
export function createFace(deps: FaceDeps) {
  const { desk, catalog, tokens, config } = deps;

  function requireCluster(): ModelCluster {
    if (deps.cluster === null) throw failure('organization_model_unavailable');
    return deps.cluster;
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
    const over = {
      models:
        models !== null && wanted.models > models
          ? words.line('quota_models', { wanted: wanted.models, most: models })
          : null,
      gpus: gpus !== null && wanted.gpus > gpus ? words.line('quota_gpus', { wanted: wanted.gpus, most: gpus }) : null,
    };
    if (over.models === null && over.gpus === null) return;
    const both = over.models && over.gpus && words.line('quota_both', { models: over.models, gpus: over.gpus });
    throw failure(
      'organization_model_resources_insufficient',
      words.tell('quota', { organization, over: both ?? over.models ?? over.gpus! }),
    );
  }

  /** Throws `validation_failed` naming each argument that the image's program is known to end by. */
  function requireArguments(spec: Prepared['draft']['spec']): void {
    const issues = desk.refused(kind, spec);
    if (issues.length === 0) return;
    throw failure('validation_failed', {
      issues: issues.map(({ path, message }) => ({ path: `deployment_config.${path}`, message })),
    });
  }

  async function requireFit(spec: Prepared['draft']['spec']): Promise<void> {
    const { level, checks } = await desk.preflight(kind, spec);
    if (level !== 'red') return;
    const red = checks.filter((check) => check.level === 'red');
    throw failure('organization_model_resources_insufficient', {
      message: red.map(({ message }) => message).join(' '),
      remedy: red.flatMap(({ remedy }) => remedy ?? []).join(' '),
    });
  }

  async function prepareCreate(asking: Asking, request: Create, id: string): Promise<Prepared> {
    const { access, trx } = asking;
    const { name, huggingface_id: huggingfaceId, rollbackPlan, parityNote } = request;
    const cluster = requireCluster();
    const { environment } = config;
    desk.requireDeploy(access, name, environment);
    await requireOperators(cluster);
    const organization = organizationOf(access, request.organization);
    const { spec, scale, issues } = resolve(name, wishOf(request), config);
    if (issues.length > 0) throw failure('validation_failed', { issues });
    const description = request.description ?? `${request.display_name ?? name}, served from Hugging Face.`;
    if (await cluster.isTaken(name)) throw taken(words.tell('taken_object', { name }));
    const modelId = await catalog.entryOf(asking, { huggingfaceId, team: organization, description });
    const asked = { id, name, environment, team: organization, modelId, spec, scale, rollbackPlan, parityNote };
    const prepared = await desk.prepareNew(trx, access, kind, asked).catch((error: unknown) => {
      if (isFailure(error, 'endpoint_route_taken')) throw taken(words.tell('taken_model', { name, environment }));
      if (isFailure(error) && error.code.startsWith('model_'))
        throw failure('organization_model_not_approved', { message: error.message, remedy: error.remedy });
      throw error;
    });
    return {
      ...prepared,
      // whoever applies it may be of several
      ...tokens.apart({ ...request, organization }, id),
      async refuse() {
        requireArguments(prepared.draft.spec);
        await requireRoom(trx, organization, { ...scale, gpuCount: spec.gpuCount }, { models: 0, gpus: 0 });
        await requireFit(prepared.draft.spec);
      },
      async commit(held) {
        const endpoint = await prepared.commit(held);
        await tokens.give(held, endpoint.id, request.deployment_config.hugging_face_token, id);
        await putModel(held, { endpoint_id: endpoint.id, ...saidOf(request) });
        return endpoint;
      },
    };
  }

  async function prepareUpdate(asking: Asking, request: Update, changeId: string): Promise<Prepared> {
    const { access, trx } = asking;
    const cluster = requireCluster();
    const before = await find(access, request.id, 'endpoint:deploy');
    await requireOperators(cluster);
    const { id } = before.endpoint;
    const row = (await modelsOf(trx, [id])).get(id);
    const view = modelView(before, row);
    const wish = changed(wishNow(before, row), request);
    const { spec, scale, issues } = resolve(view.name, wish, config);
    const fixed = (['name', 'huggingface_id'] as const).filter(
      (field) => request[field] !== undefined && request[field] !== view[field],
    );
    issues.push(...fixed.map((path) => ({ path, ...words.tell('fixed', { value: view[path] }) })));
    if (issues.length > 0) throw failure('validation_failed', { issues });
    const { rollbackPlan, parityNote } = request;
    const prepared = await desk.prepareChange(trx, access, id, { spec, scale, rollbackPlan, parityNote });
    const { draft, over, same } = prepared;
    return {
      ...prepared,
      ...tokens.apart({ ...request, id }, changeId),
      async refuse() {
        if (!same) requireArguments(draft.spec);
        const used = over.spec.gpuCount * over.max_replicas;
        // less is always welcome, also above a quota that was lowered
        if (spec.gpuCount * scale.maxReplicas > used)
          await requireRoom(trx, view.organization, { ...scale, gpuCount: spec.gpuCount }, { models: 1, gpus: used });
        if (!same) await requireFit({ ...draft.spec, minReplicas: scale.minReplicas });
      },
      async commit(held) {
        const endpoint = await prepared.commit(held);
        await tokens.give(held, id, request.deployment_config?.hugging_face_token, changeId);
        await putModel(held, {
          endpoint_id: id,
          display_name: request.display_name ?? view.display_name,
          description: request.description ?? view.description,
          model_type: request.model_type ?? view.model_type,
          huggingface_id: view.huggingface_id,
          requirements: wish.requirements,
        });
        return endpoint;
      },
    };
  }

  return {
    find,
    requireCluster,
    prepare: (asking: Asking, request: FaceRequest, id: string) =>
      request.kind === 'create-model' ? prepareCreate(asking, request, id) : prepareUpdate(asking, request, id),
    discard: tokens.discard,
  };
}

/** What people say about a new model. */
export const saidOf = (request: Omit<Create, 'kind'>) => ({
  display_name: request.display_name ?? request.name,
  description: request.description ?? '',
  model_type: request.model_type,
  huggingface_id: request.huggingface_id,
  requirements: request.requirements,
});

export const taken = (told: { message: string; said: Said }) => failure('organization_model_name_taken', told);

async function requireOperators(cluster: ModelCluster): Promise<void> {
  const missing = (await cluster.operators()).filter(({ required, installed }) => required && !installed);
  if (missing.length === 0) return;
  const told = words.tell('lacking', { missing: missing.map(({ name, crd }) => `${crd} (${name})`) });
  throw failure('organization_model_operator_missing', told);
}

/** Whose a new model is: one of the token's organizations. */
function organizationOf(access: Access, asked: string | undefined): string {
  const { teams, roles } = access.identity;
  const every = teams === '*' || roles.includes('admin');
  if (asked !== undefined) {
    if (every || teams.includes(asked)) return asked;
    throw failure('permission_denied', {
      ...(teams.length === 0
        ? words.tell('no_organization')
        : words.tell('other_organization', { asked, organizations: teams })),
      data: { rule: 'team' },
    });
  }
  const own = teams === '*' ? 'default' : (teams[0] ?? (every ? 'default' : undefined));
  if (own !== undefined) return own;
  throw failure('permission_denied', {
    ...words.tell('no_organization'),
    data: { rule: 'team' },
  });
}
