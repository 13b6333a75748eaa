import { isDeepStrictEqual } from 'node:util';
import type { Issue } from '#platform/errors';
import type { EndpointView, RevisionView } from './rollout/decide.ts';
import type { Resources, ServingConfig, ServingSpec } from './types.ts';

const units: Record<string, number> = {
  '': 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** `500m` → 0.5 (cores), `1Gi` → 1073741824 (bytes); NaN for what is not a quantity. */
export function quantity(text: string): number {
  const found = /^([0-9]+(?:\.[0-9]+)?)([A-Za-z]*)$/.exec(text);
  return found ? Number(found[1]) * (units[found[2]!] ?? Number.NaN) : Number.NaN;
}

/** Each resource as asked for, else the setting for this kind of machine. */
export function resourcesFor(useGpu: boolean, asked: Partial<Resources>, config: ServingConfig): Resources {
  const defaults = useGpu ? config.resources.gpu : config.resources.cpuOnly;
  return {
    cpuRequest: asked.cpuRequest ?? defaults.cpuRequest,
    cpuLimit: asked.cpuLimit ?? defaults.cpuLimit,
    memoryRequest: asked.memoryRequest ?? defaults.memoryRequest,
    memoryLimit: asked.memoryLimit ?? defaults.memoryLimit,
  };
}

/** A request above its limit is never changed silently: both fields are named. */
export function faultsOfResources(resources: Resources): Issue[] {
  const pairs = [
    ['cpuRequest', 'cpuLimit'],
    ['memoryRequest', 'memoryLimit'],
  ] as const;
  return pairs.flatMap(([request, limit]) => {
    if (!(quantity(resources[request]) > quantity(resources[limit]))) return [];
    const message = `${request} ${resources[request]} is above ${limit} ${resources[limit]}; give both.`;
    return [
      { path: request, message },
      { path: limit, message },
    ];
  });
}

/** What runs the revision, as people name it: `vllm`, `tgi`, `llama.cpp`, `openai` … */
export function runtimeName(kind: string, spec: Pick<ServingSpec, 'image' | 'model'>): string {
  if (spec.model.type === 'external') {
    const { provider } = spec.model.metadata;
    return typeof provider === 'string' ? provider : 'external';
  }
  if (kind === 'local') return 'llama.cpp';
  if (/vllm/i.test(spec.image)) return 'vllm';
  if (/text-generation-inference|\btgi\b/i.test(spec.image)) return 'tgi';
  return 'custom';
}

/** Of a model that its runtime fetches from Hugging Face by itself; null: its files are here, or it is served elsewhere. */
export function hubIdOf({ files, metadata }: Pick<ServingSpec['model'], 'files' | 'metadata'>): string | null {
  const { huggingface_model_id: id } = metadata;
  return files.length === 0 && typeof id === 'string' && id !== '' ? id : null;
}

/** What of a specification makes it another deployment: not where and under which number it runs, nor how often. */
export function configurationOf(spec: ServingSpec, artifactDigest: string | null): Record<string, unknown> {
  return {
    model: spec.model.name,
    version: spec.model.version,
    artifactDigest,
    runtimeImage: spec.image,
    useGpu: spec.useGpu,
    gpuCount: spec.gpuCount,
    gpuType: spec.gpuType,
    ...spec.resources,
    args: spec.args,
    env: spec.env,
    contextLength: spec.contextLength,
    deploymentMode: spec.deploymentMode,
    imagePullPolicy: spec.imagePullPolicy,
    probes: spec.probes,
    aibrix: spec.aibrix ?? null,
  };
}

/** The scale and the traffic belong to the endpoint, so that a change of them needs no revision. */
export const specNow = (endpoint: EndpointView, revision: RevisionView, spec: ServingSpec): ServingSpec => ({
  ...spec,
  minReplicas: endpoint.minReplicas,
  maxReplicas: endpoint.maxReplicas,
  autoscale: endpoint.autoscale,
  live: endpoint.liveRevision === revision.number,
});

export interface Difference {
  path: string;
  before: unknown;
  after: unknown;
}

export function differencesOf(before: Record<string, unknown>, after: Record<string, unknown>): Difference[] {
  return Object.keys({ ...before, ...after })
    .filter((path) => !isDeepStrictEqual(before[path] ?? null, after[path] ?? null))
    .map((path) => ({ path, before: before[path] ?? null, after: after[path] ?? null }));
}

/** Told in an error: `runtimeImage: a → b`. */
export const tell = ({ path, before, after }: Difference) => `${path}: ${text(before)} → ${text(after)}`;
const text = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));

/** Fields in which environments follow each other by promotion; the others are meant to be the same. */
export const versionFields: readonly string[] = ['model', 'version', 'artifactDigest'];

export interface PastRevision {
  number: number;
  /** whose copy it is, when it came by a rollback */
  rolledBackTo: number | null;
  wasLive: boolean;
  configuration: Record<string, unknown>;
}

/**
 * Where a rollback goes: the last revision before the newest one that took traffic and differs. From one that failed, to what answered
 * before it, also when that is the same. A second rollback starts where the first one went, and so goes further back. When all before are
 * the same, the one before; null when there is none.
 */
export function rollbackTarget(history: readonly PastRevision[]): PastRevision | null {
  const byNumber = [...history].sort((a, b) => b.number - a.number);
  const newest = byNumber[0];
  if (!newest) return null;
  const from = newest.rolledBackTo ?? newest.number;
  const before = byNumber.filter((past) => past.number < from && past.wasLive);
  const differs = (past: PastRevision) => differencesOf(past.configuration, newest.configuration).length > 0;
  const stood = newest.wasLive || newest.rolledBackTo !== null;
  const found = (stood && before.find(differs)) || (newest.rolledBackTo === null ? before[0] : undefined);
  if (!found) return null;
  // a copy stands for its original, so that the next rollback does not come by what was rolled back before
  return byNumber.find((past) => past.number === found.rolledBackTo) ?? found;
}
