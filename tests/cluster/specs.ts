import { pino } from 'pino';
import { createCensus, openCluster, type ClusterConfig } from '../../backend/src/adapters/runtime/kubernetes/index.ts';
import { uuidv7 } from '../../backend/src/platform/ids/index.ts';
import type { RevisionSpec } from '../../backend/src/ports/runtime.ts';

/** What the cluster tests run with, and a revision that fits the nodes they make. */
export const config: ClusterConfig = {
  namespacePrefix: 'llm-ops-',
  objectStore: { secretName: 'llm-ops-object-store-credentials', configMapName: 'llm-ops-object-store-config' },
  quotas: {},
  imagePullSecrets: [],
  gpuLabel: 'accelerator',
  ingressClass: null,
  initImage: 'amazon/aws-cli:latest',
  modelVolume: '100Gi',
  startupSeconds: 1_800,
  terminationSeconds: 1,
  baseUrl: null,
};
export const objectStore = {
  endpoint: 'http://store:9000',
  region: 'us-east-1',
  accessKey: 'key',
  secretKey: 'secret',
};

/** A plane as the platform opens a cluster. Its census is to be closed. */
export function openPlane({ kubeconfig }: { kubeconfig: string }, options: Parameters<typeof openCluster>[1] = {}) {
  const log = pino({ level: 'silent' });
  const client = openCluster(kubeconfig, options);
  return { log, client, census: createCensus({ client, log, gpuLabel: config.gpuLabel }) };
}

export function specOf(change: Partial<RevisionSpec> = {}): RevisionSpec {
  const modelId = uuidv7();
  return {
    revisionId: uuidv7(),
    endpointId: uuidv7(),
    number: 1,
    environment: 'dev',
    route: '/support',
    model: {
      id: modelId,
      name: 'support-bot',
      version: '2',
      type: 'fine-tuned',
      storageUri: `s3://models/${modelId}/2/`,
      prefix: `models/${modelId}/2/`,
      files: [{ path: 'model.safetensors', size: 1, sha256: '0' }],
      metadata: {},
      inspection: null,
    },
    image: 'vllm/vllm-openai:v0.15.0',
    useGpu: true,
    gpuCount: 1,
    gpuType: null,
    minReplicas: 2,
    maxReplicas: 4,
    resources: { cpuRequest: '1', cpuLimit: '2', memoryRequest: '2Gi', memoryLimit: '4Gi' },
    args: [],
    env: {},
    contextLength: null,
    imagePullPolicy: 'IfNotPresent',
    probes: null,
    live: true,
    ...change,
  };
}
