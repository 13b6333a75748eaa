import { isDeepStrictEqual } from 'node:util';
import { environments, type Environment, type Topology, type topologyGroups } from '@llm-ops/contracts';
import type { ClusterSeen } from '#ports/cluster';
import { concealer, digestsOf } from '../redact.ts';
import { hubIdOf } from '../spec.ts';
import type { AutoscalePolicy, ServingSpec } from '../types.ts';

type Group = (typeof topologyGroups)[number];
type Json = Record<string, unknown>;
/** `group.field` → value */
export type Facts = Record<`${Group}.${string}`, unknown>;

/** A revision where it runs or would run. */
export interface Placed {
  spec: ServingSpec;
  runtime: string;
  artifactDigest: string | null;
  scale: { minReplicas: number; maxReplicas: number; autoscale: AutoscalePolicy | null };
  /** its plan, without secrets */
  manifests: readonly Json[];
}

/** What of the objects of a revision people compare between environments: names that hold ids are left out. */
function objectFacts(manifests: readonly Json[]): Facts {
  const of = (kind: string) => manifests.filter((one) => one.kind === kind).map((one) => (one.spec ?? {}) as Json);
  const list = (value: unknown): Json[] => (Array.isArray(value) ? (value as Json[]) : []);
  const pod = podOf(manifests);
  const volumes = list(pod?.volumes).map(({ name: _name, ...source }) => {
    const [kind = 'unknown', about] = Object.entries(source)[0] ?? [];
    const { sizeLimit, claimName } = (about ?? {}) as Json;
    return [kind, sizeLimit, claimName === undefined ? undefined : 'claim']
      .filter((part) => part !== undefined)
      .join(' ');
  });
  return {
    'resources.nodeSelector': pod?.nodeSelector ?? null,
    'scaling.disruption': of('PodDisruptionBudget').map(({ minAvailable, maxUnavailable }) => ({
      minAvailable,
      maxUnavailable,
    })),
    'scaling.metrics': [
      ...of('HorizontalPodAutoscaler').flatMap(({ metrics }) => list(metrics)),
      ...of('PodAutoscaler').flatMap(({ metricsSources }) => list(metricsSources)),
    ],
    'storage.volumes': volumes.toSorted(),
    'storage.claims': of('PersistentVolumeClaim').map(({ accessModes, storageClassName, resources }) => ({
      accessModes,
      storageClassName,
      resources,
    })),
    // one for the revision, one for the endpoint
    'network.services': [
      ...new Set(
        of('Service').flatMap(({ ports }) =>
          list(ports).map(({ port, protocol }) => `${String(port)}/${String(protocol ?? 'TCP')}`),
        ),
      ),
    ],
    'network.ingress': of('Ingress').flatMap(({ ingressClassName, rules, tls }) =>
      list(rules).map(({ host, http }) => ({
        class: ingressClassName ?? null,
        host: host ?? null,
        paths: list((http as Json | undefined)?.paths).map(({ path }) => path),
        tls: list(tls).length > 0,
      })),
    ),
    'network.monitors': of('ServiceMonitor').flatMap(({ endpoints }) => list(endpoints)),
    'network.policies': of('NetworkPolicy').map(({ policyTypes, ingress, egress }) => ({
      policyTypes,
      ingress: list(ingress).length,
      egress: list(egress).length,
    })),
    'runtime.objects': manifests
      .map(({ kind }) => String(kind ?? ''))
      .filter((kind) => kind !== '')
      .toSorted(),
  };
}

function podOf(manifests: readonly Json[]): Json | null {
  for (const { kind, spec } of manifests) {
    const { template, predictor } = (spec ?? {}) as { template?: { spec?: Json }; predictor?: Json };
    if (kind === 'Deployment' && template?.spec) return template.spec;
    if (kind === 'InferenceService' && predictor) return predictor;
  }
  return null;
}

/** Everything about a revision that is of interest where it differs between environments; holds no secret. Pure. */
export function factsOf(
  { spec, runtime, artifactDigest, scale, manifests }: Placed,
  secrets: readonly string[],
): Facts {
  const plain = concealer(spec, secrets);
  const probes = spec.probes ?? {};
  const hub = hubIdOf(spec.model);
  const digest = /@(sha256:[0-9a-f]{64})$/.exec(spec.image)?.[1];
  return {
    'model.name': spec.model.name,
    'model.version': spec.model.version,
    'model.digest': artifactDigest,
    'runtime.name': runtime,
    'runtime.image': spec.image,
    'runtime.imageDigest': digest ?? null,
    'runtime.deploymentMode': spec.deploymentMode,
    'runtime.args': spec.args.map(plain),
    'runtime.env': digestsOf(spec.env),
    'runtime.contextLength': spec.contextLength,
    'runtime.imagePullPolicy': spec.imagePullPolicy,
    'resources.cpuRequest': spec.resources.cpuRequest,
    'resources.cpuLimit': spec.resources.cpuLimit,
    'resources.memoryRequest': spec.resources.memoryRequest,
    'resources.memoryLimit': spec.resources.memoryLimit,
    'resources.gpuCount': spec.useGpu ? spec.gpuCount : 0,
    'resources.gpuType': spec.gpuType,
    'scaling.minReplicas': scale.minReplicas,
    'scaling.maxReplicas': scale.maxReplicas,
    'scaling.autoscale': scale.autoscale,
    'probes.liveness': probes.liveness ?? null,
    'probes.readiness': probes.readiness ?? null,
    'probes.startup': probes.startup ?? null,
    'storage.model': hub === null ? spec.model.storageUri : `huggingface.co/${hub}`,
    ...objectFacts(manifests),
  };
}

/** Where the objects of a revision are; null: nowhere, or not known. */
export function namespaceOf(manifests: readonly Json[]): string | null {
  const names = manifests.map(({ metadata }) => (metadata as Json | undefined)?.namespace);
  return (names.find((name) => typeof name === 'string') as string | undefined) ?? null;
}

/** The place itself: what an environment has, whatever runs there. `own`: a namespace that is not the environment's. Pure. */
export function clusterFacts(cluster: ClusterSeen | null, environment: Environment, own: string | null = null): Facts {
  if (cluster === null) return {};
  const known = cluster.namespaces.find((one) => (own === null ? one.environment === environment : one.name === own));
  const pools = Map.groupBy(
    cluster.nodes.filter(({ gpus }) => gpus.capacity > 0),
    ({ gpuType }) => gpuType ?? 'unknown',
  );
  return {
    'cluster.name': cluster.name,
    'cluster.version': cluster.version,
    'cluster.reachable': cluster.reachable,
    'cluster.nodes': cluster.totals.nodes,
    'cluster.gpuPools': [...pools]
      .map(([type, nodes]) => ({
        type,
        nodes: nodes.length,
        gpus: nodes.reduce((sum, { gpus }) => sum + gpus.allocatable, 0),
      }))
      .toSorted((a, b) => (a.type < b.type ? -1 : 1)),
    'cluster.namespace': known?.name ?? own,
    'cluster.quotas': Object.fromEntries((known?.quotas ?? []).map(({ resource, hard }) => [resource, hard])),
    'cluster.operators': cluster.operators.filter(({ state }) => state === 'running').map(({ name }) => name),
  };
}

/** names of places are meant to differ */
const ownToEach = new Set(['cluster.name', 'cluster.namespace']);

export interface Side {
  environment: Environment;
  endpointId: string | null;
  revision: number | null;
  /** of what runs there; null: nothing */
  facts: Facts | null;
  place: Facts;
}

/** The environments beside each other as they are, and what the change makes of its own. Pure. */
export function topologyOf(sides: readonly Side[], target: Environment, wanted: Facts): Topology {
  const of = (environment: Environment) => sides.find((side) => side.environment === environment);
  const there = of(target);
  const isNew = !there?.facts;
  const keys = new Set<string>(sides.flatMap(({ facts, place }) => Object.keys({ ...facts, ...place })));
  for (const key of Object.keys(wanted)) keys.add(key);
  const rows = [...keys].map((key) => {
    const atPlace = key.startsWith('cluster.');
    const factOf = (side: Side | undefined): unknown =>
      (side === undefined ? undefined : (atPlace ? side.place : (side.facts ?? {}))[key as keyof Facts]) ?? null;
    const values = { dev: factOf(of('dev')), stg: factOf(of('stg')), prod: factOf(of('prod')) };
    const after = atPlace ? values[target] : (wanted[key as keyof Facts] ?? null);
    const known = sides.filter(({ facts, place }) => (atPlace ? Object.keys(place).length > 0 : facts !== null));
    const others = known.filter(({ environment }) => environment !== target).map(factOf);
    const isKnown = !atPlace || known.some(({ environment }) => environment === target);
    const [group, field] = key.split('.', 2) as [Group, string];
    return {
      group,
      field,
      values,
      wanted: after,
      differs: isKnown && !ownToEach.has(key) && others.some((value) => !isDeepStrictEqual(value, after)),
      changes: !isNew && !atPlace && !isDeepStrictEqual(values[target], after),
    };
  });
  return {
    environments: environments.map((environment) => {
      const { endpointId = null, revision = null } = of(environment) ?? {};
      return { environment, endpointId, revision };
    }),
    target,
    isNew,
    rows: rows.filter(({ values, wanted: after }) => [...Object.values(values), after].some(says)),
  };
}

/** Rows in which no environment has anything say nothing. */
const says = (value: unknown): boolean =>
  value !== null && value !== undefined && !(typeof value === 'object' && Object.keys(value).length === 0);
