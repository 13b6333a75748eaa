import type { OperatorSeen } from '#ports/cluster';
import type { ClusterClient, Query } from '../cluster/client.ts';
import { discover } from '../cluster/discovery.ts';

interface Known {
  name: string;
  purpose: string;
  /** its makers' page on how it is installed */
  installation: string;
  /** `{plural}.{group}` */
  definitions: readonly string[];
  /** how its Deployment is found, wherever it is installed; the first that finds one */
  controllers: readonly Query[];
}

const byName = (name: string): Query => ({ fieldSelector: `metadata.name=${name}` });
const byLabel = (labelSelector: string): Query => ({ labelSelector });

/** What the product can use on a cluster. Only KServe and AIBrix are needed, by those who deploy with them. */
const known: readonly Known[] = [
  {
    name: 'KServe',
    purpose: 'deploymentMode kserve, scale to zero',
    installation: 'https://kserve.github.io/website/docs/admin-guide/kubernetes-deployment',
    definitions: ['inferenceservices.serving.kserve.io'],
    controllers: [byName('kserve-controller-manager')],
  },
  {
    name: 'AIBrix',
    purpose: 'organization models',
    installation: 'https://aibrix.readthedocs.io/latest/getting_started/quickstart.html',
    definitions: ['podautoscalers.autoscaling.aibrix.ai'],
    controllers: [byName('aibrix-controller-manager')],
  },
  {
    name: 'GPU Operator',
    purpose: 'drivers, device plugin and labels of GPU nodes',
    installation: 'https://docs.nvidia.com/datacenter/cloud-native/gpu-operator/latest/getting-started.html',
    definitions: ['clusterpolicies.nvidia.com'],
    controllers: [byName('gpu-operator'), byLabel('app=gpu-operator')],
  },
  {
    name: 'KubeRay',
    purpose: 'models over several nodes',
    installation: 'https://docs.ray.io/en/latest/cluster/kubernetes/getting-started/kuberay-operator-installation.html',
    definitions: ['rayclusters.ray.io', 'rayservices.ray.io'],
    controllers: [byName('kuberay-operator'), byLabel('app.kubernetes.io/name=kuberay-operator')],
  },
  {
    name: 'Envoy Gateway',
    purpose: 'public traffic by Gateway API',
    installation: 'https://gateway.envoyproxy.io/docs/install/',
    definitions: ['gatewayclasses.gateway.networking.k8s.io', 'envoyproxies.gateway.envoyproxy.io'],
    controllers: [byName('envoy-gateway'), byLabel('control-plane=envoy-gateway')],
  },
  {
    name: 'Prometheus Operator',
    purpose: 'metrics of what serves',
    installation: 'https://prometheus-operator.dev/docs/getting-started/installation/',
    definitions: ['servicemonitors.monitoring.coreos.com'],
    controllers: [
      byName('prometheus-operator'),
      byLabel('app.kubernetes.io/name=prometheus-operator'),
      byLabel('app=kube-prometheus-stack-operator'),
    ],
  },
];

interface DeploymentList {
  items: {
    metadata: { name: string; namespace: string };
    spec?: { replicas?: number; template?: { spec?: { containers?: { image?: string }[] } } };
    status?: { readyReplicas?: number };
  }[];
}

/** Which operators the cluster has, from its API groups and by looking for their controllers. Throws as the client does. */
export async function operatorsOf(client: ClusterClient): Promise<OperatorSeen[]> {
  const { versionsOf } = await discover(client);
  return Promise.all(
    known.map(async ({ name, purpose, installation, definitions, controllers }): Promise<OperatorSeen> => {
      const seen = await Promise.all(
        definitions.map(async (definition) => {
          const versions = await versionsOf(definition);
          return { name: definition, present: versions.length > 0, versions };
        }),
      );
      const some = seen.some(({ present }) => present);
      const all = seen.every(({ present }) => present);
      const controller = some ? await controllerOf(client, controllers) : null;
      const runs = controller !== null && controller.wanted > 0 && controller.ready >= controller.wanted;
      const state = !some ? 'missing' : controller === null ? 'definitions' : runs && all ? 'running' : 'not-ready';
      return { name, purpose, installation, state, definitions: seen, controller };
    }),
  );
}

async function controllerOf(client: ClusterClient, queries: readonly Query[]): Promise<OperatorSeen['controller']> {
  for (const query of queries) {
    const { items } = await client.get<DeploymentList>('/apis/apps/v1/deployments', query);
    const [found] = items;
    if (found === undefined) continue;
    return {
      namespace: found.metadata.namespace,
      name: found.metadata.name,
      image: found.spec?.template?.spec?.containers?.[0]?.image ?? '',
      ready: found.status?.readyReplicas ?? 0,
      wanted: found.spec?.replicas ?? 1,
    };
  }
  return null;
}
