import { gzipSync } from 'node:zlib';
import type { DataOf, observationRoutes, QueryOf, servingRoutes } from '@llm-ops/contracts';
import type { Access } from '#platform/access';
import type { Db } from '#platform/db';
import { failure } from '#platform/errors';
import type { FileAnswer } from '#platform/http';
import type { Runtime, RuntimePlan } from '#ports/runtime';
import { gitopsFiles } from './gitops.ts';
import { admitted } from '../guard.ts';
import { needsOf } from './needs.ts';
import { exportedManifests, shownManifests } from '../redact.ts';
import { findEndpoint, findRevision, type EndpointWithTarget, type RevisionRow } from '../store/endpoints.ts';
import { tarOf } from './tar.ts';
import type { ServingConfig, ServingSpec } from '../types.ts';
import { yamlDocuments } from './yaml.ts';
import { refusalWords } from '../sentences.ts';

type Routes = typeof observationRoutes;
type GitopsQuery = QueryOf<Routes['exportGitops']>;
type Runtimes = Readonly<Record<string, Runtime>>;

/**
 * What is or would be applied for a revision of an endpoint as it is scaled now; `live`: with what belongs to the endpoint as a whole and
 * follows the traffic.
 */
export function plannedRevision(
  runtimes: Runtimes,
  row: EndpointWithTarget,
  { runtime: kind, spec }: Pick<RevisionRow, 'runtime' | 'spec'>,
  live = true,
): RuntimePlan {
  const runtime = runtimes[kind];
  if (!runtime) throw failure('runtime_unavailable', refusalWords.tell('no_runtime', { runtime: kind }));
  return runtime.plan(scaledSpec(row, spec, live));
}

/** A revision as its endpoint is scaled now. */
export function scaledSpec(row: EndpointWithTarget, spec: ServingSpec, live: boolean): ServingSpec {
  const { min_replicas: minReplicas, max_replicas: maxReplicas, autoscale_policy: autoscale } = row;
  return { ...spec, minReplicas, maxReplicas, autoscale, live };
}

/** Manifests to read, to keep in Git and to compare; they hold no secret. */
export function createManifests({ db, runtimes, config }: { db: Db; runtimes: Runtimes; config: ServingConfig }) {
  async function planned(access: Access, id: string, number: number) {
    const row = admitted(access, await findEndpoint(db.kysely, id));
    const revision = await findRevision(db.kysely, id, number);
    if (!revision) throw failure('revision_not_found');
    return { row, revision, plan: plannedRevision(runtimes, row, revision) };
  }

  async function shown(access: Access, id: string, number: number) {
    const { revision, plan } = await planned(access, id, number);
    return { revision, plan, manifests: shownManifests(plan.manifests, revision.spec, config.secrets) };
  }

  return {
    async ofEndpoint(access: Access, id: string): Promise<DataOf<(typeof servingRoutes)['getManifests']>> {
      const row = admitted(access, await findEndpoint(db.kysely, id));
      const { kind, manifests, warnings } = plannedRevision(runtimes, row, row);
      return { runtime: kind, manifests: shownManifests(manifests, row.spec, config.secrets), warnings };
    },

    async ofRevision(access: Access, id: string, number: number): Promise<DataOf<Routes['getRevisionManifests']>> {
      const { plan, manifests } = await shown(access, id, number);
      return { runtime: plan.kind, revision: number, manifests, warnings: plan.warnings };
    },

    async asYaml(access: Access, id: string, number: number): Promise<FileAnswer> {
      const { row, revision, plan } = await planned(access, id, number);
      const secret = `serving-${id}-r${number}-env`;
      const manifests = exportedManifests(plan.manifests, revision.spec, config.secrets, secret);
      const head = [
        `# ${row.route} in ${row.environment}: revision ${number}, ${revision.model_name} ${revision.version}`,
        ...needsOf(manifests).map(
          ({ kind, name, keys }) =>
            `# Not exported, and needed in the same namespace first: ${kind} ${name}${keys.length === 0 ? '' : ` with the keys ${keys.join(', ')}`}`,
        ),
        ...plan.warnings.map((warning) => `# Warning: ${warning}`),
      ];
      return {
        body: `${head.map((line) => line.replaceAll(/[\r\n]+/g, ' ')).join('\n')}\n${yamlDocuments(manifests)}`,
        contentType: 'application/yaml; charset=utf-8',
        fileName: `${row.name.replaceAll(/[^A-Za-z0-9._-]+/g, '-')}-${row.environment}-r${number}.yaml`,
      };
    },

    /** A folder for Git, packed: the manifests, a kustomization, and how Argo CD and Flux follow it. */
    async asGitops(access: Access, id: string, number: number, query: GitopsQuery): Promise<FileAnswer> {
      const { row, revision, plan } = await planned(access, id, number);
      const ofCluster = plan.manifests.filter(({ apiVersion }) => apiVersion !== undefined);
      if (ofCluster.length === 0) throw failure('manifests_not_for_cluster');
      const secret = `serving-${id}-r${number}-env`;
      // an archive has no room for longer paths
      const name = row.name.replaceAll(/[^A-Za-z0-9._-]+/g, '-').slice(0, 100);
      const exported = {
        name,
        route: row.route,
        environment: row.environment,
        revision: number,
        model: `${revision.model_name} ${revision.version}`,
        manifests: exportedManifests(ofCluster, revision.spec, config.secrets, secret),
        warnings: plan.warnings,
      };
      const path = query.path ?? `llm-ops/${row.environment}/${name}`;
      const files = gitopsFiles(exported, { url: query.repository, branch: query.branch, path });
      return {
        body: gzipSync(tarOf(files, revision.created_at)),
        contentType: 'application/gzip',
        fileName: `${name}-${row.environment}-r${number}.tar.gz`,
      };
    },

    /** `other` is the older side. Both are of one runtime, or everything differs. */
    async compare(
      access: Access,
      id: string,
      number: number,
      other: number,
    ): Promise<DataOf<Routes['compareRevisionManifests']>> {
      const before = await shown(access, id, other);
      const after = await shown(access, id, number);
      const insight = runtimes[after.revision.runtime]?.insight;
      const differences = insight?.differences(before.manifests, after.manifests) ?? [];
      return { from: other, to: number, differences };
    },
  };
}
