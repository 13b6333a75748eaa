import { environments, type Environment } from '@llm-ops/contracts';
import { tokenOf } from '#domains/organization';
import type { Config } from '#platform/config';
import type { Logger } from '#platform/log';
import type { Metrics } from '#platform/metrics';
import type { Secrets } from '#platform/secrets';
import type { Cluster } from '#ports/cluster';
import type { ModelCluster } from '#ports/models';
import type { Runtime } from '#ports/runtime';
import { clusterConfig, clusterOf, servesOnCluster } from './settings.ts';

export interface Clusters {
  /** raw, by KServe and by AIBrix */
  runtimes: Record<string, Runtime>;
  /** of organizations */
  models: ModelCluster;
  /** one for each cluster */
  overviews: Cluster[];
}

/**
 * What serves internal models on clusters, one for all environments or several; null where they run on this machine. Its library is large: only
 * who uses it carries it.
 */
export async function openClusters(
  settings: Config['settings'],
  { secrets, log, metrics }: { secrets: Pick<Secrets, 'get'>; log: Logger; metrics: Metrics },
  closers: (() => Promise<unknown>)[],
): Promise<Clusters | null> {
  if (!servesOnCluster(settings)) return null;
  const kubernetes = await import('./adapters/runtime/kubernetes/index.ts');
  const store = settings.OBJECT_STORE_ENDPOINT;
  const shared = {
    config: clusterConfig(settings),
    objectStore:
      store === undefined
        ? null
        : {
            endpoint: store,
            region: settings.OBJECT_STORE_REGION,
            accessKey: settings.OBJECT_STORE_ACCESS_KEY ?? '',
            secretKey: settings.OBJECT_STORE_SECRET_KEY ?? '',
          },
    alternatives: ['vllm/vllm-openai:latest'],
    log,
  };

  function open(served: readonly Environment[]) {
    const { kubeconfigPath, context } = clusterOf(settings, served[0]!);
    const client = kubernetes.openCluster(kubeconfigPath, { context, onAnswer: metrics.cluster });
    closers.push(async () => client.close());
    const census = kubernetes.createCensus({ client, gpuLabel: shared.config.gpuLabel, log });
    const raw = kubernetes.createKubernetesRuntime({ ...shared, client, census });
    const kserve = kubernetes.createKserveRuntime({ ...shared, client, census, mode: settings.KSERVE_MODE });
    const overview = kubernetes.createOverview({ ...shared, client, census, environments: served });
    closers.push(() => Promise.all([raw.close(), kserve.close(), census.close()]));
    return { client, census, served, raw, kserve, overview };
  }

  const places = Map.groupBy(environments, (environment) => JSON.stringify(clusterOf(settings, environment)));
  const opened = places.values().map(open).toArray();
  const over = (kind: 'raw' | 'kserve'): Runtime =>
    opened.length === 1
      ? opened[0]![kind]
      : kubernetes.createEnvironmentsRuntime(
          Object.fromEntries(
            opened.flatMap((cluster) => cluster.served.map((environment) => [environment, cluster[kind]])),
          ) as Record<Environment, Runtime>,
        );

  const models = { namespace: settings.MODELS_NAMESPACE, environment: settings.MODELS_ENVIRONMENT };
  const { client, census } = opened.find(({ served }) => served.includes(models.environment)) ?? opened[0]!;
  const operators = kubernetes.createOperators({ client, now: () => new Date() });
  const ofModels = { ...shared, client, census, models, operators };
  const aibrix = kubernetes.createAibrixRuntime({ ...ofModels, tokenOf: (id) => tokenOf(secrets, id) });
  closers.push(() => aibrix.close());
  return {
    runtimes: { kubernetes: over('raw'), kserve: over('kserve'), aibrix },
    models: kubernetes.createModelCluster(ofModels),
    overviews: opened.map(({ overview }) => overview),
  };
}
