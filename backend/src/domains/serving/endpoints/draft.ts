import type { BodyOf, servingRoutes } from '@llm-ops/contracts';
import type { ServableModel } from '#domains/catalog';
import { failure } from '#platform/errors';
import { uuidv7 } from '#platform/ids';
import type { Runtime } from '#ports/runtime';
import { normaliseRoute } from '../names.ts';
import { faultsOfResources, resourcesFor } from '../spec.ts';
import type { AutoscalePolicy, Resources, ServingConfig, ServingSpec } from '../types.ts';
import { refusalWords } from '../sentences.ts';

export type DeployRequest = BodyOf<(typeof servingRoutes)['deployEndpoint']>;
export type RedeployRequest = NonNullable<BodyOf<(typeof servingRoutes)['redeployEndpoint']>>;

/** A specification that may become a revision, with what the endpoint beside it needs. */
export interface Drafted {
  spec: ServingSpec;
  model: ServableModel;
  artifactDigest: string | null;
  name: string;
  runtime: string;
  autoscalePolicy: AutoscalePolicy | null;
  promptPolicyId: string | null;
}

/** How it is taken back where nobody said it. */
export const defaultPlan = 'Roll back to the previous revision.';

/** What of a model a revision keeps. */
export function modelOf(model: ServableModel): ServingSpec['model'] {
  const { id, name, version, type, storageUri, prefix, files, metadata, inspection } = model;
  return { id, name, version, type, storageUri, prefix, files, metadata, inspection };
}

/** Digest of the approved files; null for external models and those that the runtime fetches itself. */
export const digestOf = (model: ServableModel): string | null => (model.files.length === 0 ? null : model.filesDigest);

interface Ground {
  config: ServingConfig;
  runtimes: Readonly<Record<string, Runtime>>;
}

/** Which runtime runs it: external models have their own; a request may name one of the others. */
function runtimeFor(model: ServableModel, mode: ServingSpec['deploymentMode'], { config, runtimes }: Ground): string {
  if (model.type === 'external') return 'external';
  const named = mode === 'raw' ? 'kubernetes' : mode;
  return named !== null && Object.hasOwn(runtimes, named) ? named : config.internalRuntime;
}

/** The local engine is an image by itself; an external model has none. */
function imageFor(runtime: string, asked: string | undefined, config: ServingConfig): string {
  if (runtime === 'external') return '';
  return asked ?? (runtime === 'local' ? 'llama.cpp' : config.runtimeImage);
}

const askedOf = (request: Partial<Resources>): Partial<Resources> => {
  const { cpuRequest, cpuLimit, memoryRequest, memoryLimit } = request;
  return {
    ...(cpuRequest === undefined ? {} : { cpuRequest }),
    ...(cpuLimit === undefined ? {} : { cpuLimit }),
    ...(memoryRequest === undefined ? {} : { memoryRequest }),
    ...(memoryLimit === undefined ? {} : { memoryLimit }),
  };
};

/** A first revision from a request. Throws `validation_failed` naming every wrong field. */
export function drafted(request: DeployRequest, model: ServableModel, ground: Ground): Drafted {
  const { config } = ground;
  const { route, name } = normaliseRoute(request.route);
  const useGpu = request.useGpu ?? config.useGpu;
  const asked = askedOf(request);
  const resources = resourcesFor(useGpu, asked, config);
  const minReplicas = request.minReplicas;
  const maxReplicas = request.maxReplicas ?? Math.max(minReplicas, 1);
  const issues = faultsOfResources(resources);
  if (request.version !== undefined && request.version !== model.version) {
    issues.push({ path: 'version', ...refusalWords.tell('other_version', { version: model.version }) });
  }
  if (minReplicas === 0) issues.push({ path: 'minReplicas', ...refusalWords.tell('none_wanted') });
  if (minReplicas > maxReplicas) {
    const both = { least: minReplicas, most: maxReplicas };
    issues.push({ path: 'minReplicas', ...refusalWords.tell('least_above', both) });
    issues.push({ path: 'maxReplicas', ...refusalWords.tell('most_below', both) });
  }
  if (issues.length > 0) throw failure('validation_failed', { issues });
  const runtime = runtimeFor(model, request.deploymentMode ?? null, ground);
  return {
    name,
    artifactDigest: digestOf(model),
    model,
    runtime,
    autoscalePolicy: request.autoscalePolicy ?? null,
    promptPolicyId: request.promptPolicyId ?? null,
    spec: {
      revisionId: uuidv7(),
      endpointId: uuidv7(),
      number: 1,
      environment: request.environment,
      route,
      model: modelOf(model),
      image: imageFor(runtime, request.servingRuntimeImage, config),
      useGpu,
      gpuCount: useGpu ? (request.gpuCount ?? 1) : 0,
      gpuType: request.gpuType ?? null,
      minReplicas,
      maxReplicas,
      resources,
      args: request.args,
      env: request.env,
      contextLength: request.contextLength ?? null,
      imagePullPolicy: request.imagePullPolicy,
      deploymentMode: request.deploymentMode ?? null,
      probes: request.probes ?? null,
      asked,
    },
  };
}

/** The next revision: as the one before, with what the request changes. The image stays unless the request names another. */
export function redrafted(
  before: ServingSpec,
  request: RedeployRequest,
  model: ServableModel,
  ground: Ground & { name: string },
): Drafted {
  const { config } = ground;
  const useGpu = request.useGpu ?? before.useGpu;
  const asked = { ...before.asked, ...askedOf(request) };
  // what nobody asked for follows the settings only when the kind of machine changes
  const resources = useGpu === before.useGpu ? { ...before.resources, ...asked } : resourcesFor(useGpu, asked, config);
  const issues = faultsOfResources(resources);
  if (issues.length > 0) throw failure('validation_failed', { issues });
  const runtime = runtimeFor(model, before.deploymentMode, ground);
  return {
    name: ground.name,
    artifactDigest: digestOf(model),
    model,
    runtime,
    autoscalePolicy: null,
    promptPolicyId: null,
    spec: {
      ...before,
      model: modelOf(model),
      image: imageFor(runtime, request.servingRuntimeImage ?? (before.image || undefined), config),
      useGpu,
      gpuCount: useGpu ? (request.gpuCount ?? Math.max(before.gpuCount, 1)) : 0,
      resources,
      asked,
      ...(request.args === undefined ? {} : { args: request.args }),
      ...(request.env === undefined ? {} : { env: request.env }),
      ...(request.gpuType === undefined ? {} : { gpuType: request.gpuType || null }),
      ...(request.imagePullPolicy === undefined ? {} : { imagePullPolicy: request.imagePullPolicy }),
      ...(request.probes === undefined ? {} : { probes: request.probes }),
      ...(request.contextLength === undefined ? {} : { contextLength: request.contextLength }),
    },
  };
}
