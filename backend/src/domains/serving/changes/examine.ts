import { createHash } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { environments, type Environment } from '@llm-ops/contracts';
import type { Cluster, ClusterSeen } from '#ports/cluster';
import type { Runtime } from '#ports/runtime';
import type { Prepared } from '../endpoints/wanted.ts';
import type { Checks } from '../endpoints/checks.ts';
import { shownManifests, withoutSecrets } from '../redact.ts';
import { configurationOf, runtimeName } from '../spec.ts';
import { endpointsLike, findRevision, type Connection, type EndpointWithTarget } from '../store/endpoints.ts';
import type { Examined } from '../store/tables.ts';
import { clusterFacts, factsOf, namespaceOf, topologyOf, type Placed, type Side } from './topology.ts';
import type { ServingConfig, ServingSpec } from '../types.ts';

interface ExamineDeps {
  runtimes: Readonly<Record<string, Runtime>>;
  clusters: readonly Cluster[];
  checks: Checks;
  config: ServingConfig;
}

/** a cluster that does not answer is left out of a comparison */
const lookMs = 2_000;

export type Examine = ReturnType<typeof createExamine>;

/** Finds out what a change means: the environments beside each other, what differs, whether it would run, what would be applied. */
export function createExamine({ runtimes, clusters, checks, config }: ExamineDeps) {
  function manifestsOf(kind: string, spec: ServingSpec, scale: Prepared['scale']) {
    const { minReplicas, maxReplicas, autoscale } = scale;
    const plan = runtimes[kind]?.plan({ ...spec, minReplicas, maxReplicas, autoscale, live: true });
    return shownManifests(plan?.manifests ?? [], spec, config.secrets);
  }

  const placed = (
    kind: string,
    { spec, artifactDigest, scale }: Pick<Placed, 'spec' | 'artifactDigest' | 'scale'>,
  ): Placed => ({
    spec,
    artifactDigest,
    scale,
    runtime: runtimeName(kind, spec),
    manifests: manifestsOf(kind, spec, scale),
  });

  /** What takes the traffic of an endpoint; before anything does, what is wanted. */
  async function running(connection: Connection, row: EndpointWithTarget) {
    const number = row.live_revision || row.target_revision;
    const revision = (await findRevision(connection, row.id, number))!;
    const { min_replicas: minReplicas, max_replicas: maxReplicas, autoscale_policy: autoscale } = row;
    const scale = { minReplicas, maxReplicas, autoscale };
    const { spec, artifact_digest: artifactDigest } = revision;
    return { revision, placed: placed(revision.runtime, { spec, artifactDigest, scale }) };
  }

  async function seenClusters(): Promise<ClusterSeen[]> {
    const looks = clusters.map(async (cluster) => {
      const seen = cluster.look().catch(() => null);
      return Promise.race([seen, wait(lookMs, null, { ref: false })]);
    });
    return (await Promise.all(looks)).filter((seen) => seen !== null);
  }

  return {
    /** `fit`: ask the runtime too. */
    async of(connection: Connection, change: Prepared, { fit }: { fit: boolean }): Promise<Examined> {
      const { draft, over, known, scale } = change;
      const { spec, artifactDigest } = draft;
      const target = spec.environment;
      const like = { name: draft.name, modelName: spec.model.name };
      const endpointIn = async (environment: Environment) => {
        if (environment === target) return over;
        return (await endpointsLike(connection, environment, like))[0] ?? null;
      };
      const wanted = placed(draft.runtime, { spec, artifactDigest, scale });
      const seen = await seenClusters();
      const sides: Side[] = [];
      let before: Placed | null = null;
      for (const environment of environments) {
        const row = await endpointIn(environment);
        const found = row && (await running(connection, row));
        if (environment === target) before = found?.placed ?? null;
        sides.push({
          environment,
          endpointId: row?.id ?? null,
          revision: found?.revision.number ?? null,
          facts: found && factsOf(found.placed, config.secrets),
          place: clusterFacts(
            seen.find((one) => one.environments.includes(environment)) ?? null,
            environment,
            namespaceOf((environment === target ? wanted : found?.placed)?.manifests ?? []),
          ),
        });
      }
      const question = { spec, artifactDigest, known, over: change.kind === 'promote' ? over : null };
      const insight = runtimes[draft.runtime]?.insight;
      return {
        topology: topologyOf(sides, target, factsOf(wanted, config.secrets)),
        differences: (await checks.differences(connection, question)).map(withoutSecrets),
        preflight: fit ? await checks.fit(draft.runtime, spec) : null,
        manifests: insight?.differences(before?.manifests ?? [], wanted.manifests) ?? null,
      };
    },
  };
}

/** Of what would be made and of what it would replace: what was approved is applied, or nothing is. Pure. */
export function digestOfWanted({ draft, scale, over }: Prepared): string {
  const { spec, artifactDigest, runtime, model } = draft;
  const wanted = {
    configuration: configurationOf(spec, artifactDigest),
    modelId: model.id,
    runtime,
    environment: spec.environment,
    route: spec.route,
    scale,
    over: over && { id: over.id, revision: over.target_revision },
  };
  return createHash('sha256').update(stable(wanted)).digest('hex');
}

/** JSON whose text does not depend on the order of fields: a specification comes back from the database in another. */
const stable = (value: unknown): string =>
  JSON.stringify(value, (_key, one: unknown) =>
    one !== null && typeof one === 'object' && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  );
