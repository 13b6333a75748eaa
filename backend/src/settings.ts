import { isIP } from 'node:net';
import path from 'node:path';
import { scoreParts, type Environment, type ScoreWeights } from '@llm-ops/contracts';
import type { DatasetsDeps } from '#domains/datasets';
import type { ModelsSettings } from '#domains/organization';
import type { ServingConfig } from '#domains/serving';
import type { AuthOptions } from '#platform/auth';
import type { Settings } from '#platform/config';
import { failure } from '#platform/errors';
import type { Objects } from '#ports/objects';
import type { ClusterConfig } from './adapters/runtime/kubernetes/index.ts';
import { createFileObjects } from './adapters/objects/files/index.ts';

/** What the configuration means to the parts: the server and the command line read it by the same functions. */
export type StoredObjects = Objects & { collectTemporary(): Promise<number> };

/** The object store that the configuration names: a bucket, or a folder of the data folder. Throws `configuration_invalid`. */
export async function openObjects(settings: Settings): Promise<StoredObjects> {
  const bucket = settings.OBJECT_STORE_BUCKET;
  if (settings.OBJECT_STORE_ENDPOINT === undefined)
    return createFileObjects({
      root: path.join(settings.DATA_DIR, 'objects'),
      ...(bucket === undefined ? {} : { bucket }),
    });
  const missing = (['OBJECT_STORE_ACCESS_KEY', 'OBJECT_STORE_SECRET_KEY', 'OBJECT_STORE_BUCKET'] as const).filter(
    (name) => settings[name] === undefined,
  );
  if (missing.length > 0)
    throw failure('configuration_invalid', { message: `OBJECT_STORE_ENDPOINT also needs ${missing.join(', ')}.` });
  // its library is large: only who uses it carries it
  const { createS3Objects } = await import('./adapters/objects/s3/index.ts');
  return createS3Objects({
    endpoint: settings.OBJECT_STORE_ENDPOINT,
    accessKey: settings.OBJECT_STORE_ACCESS_KEY!,
    secretKey: settings.OBJECT_STORE_SECRET_KEY!,
    secure: settings.OBJECT_STORE_SECURE,
    bucket: bucket!,
    region: settings.OBJECT_STORE_REGION,
  });
}

/** Throws `configuration_invalid` where OIDC is asked for but not described. */
export function authOptions(settings: Settings): AuthOptions {
  const oidc = settings.IDENTITY_MODE !== 'header';
  if (oidc && (settings.OIDC_ISSUER === undefined || settings.OIDC_CLIENT_ID === undefined)) {
    throw failure('configuration_invalid', {
      message: `IDENTITY_MODE=${settings.IDENTITY_MODE} also needs OIDC_ISSUER and OIDC_CLIENT_ID.`,
    });
  }
  return {
    mode: settings.IDENTITY_MODE,
    trustedProxies: settings.TRUSTED_PROXIES,
    proxySharedSecret: settings.PROXY_SHARED_SECRET,
    sessionHours: settings.SESSION_HOURS,
    publicUrl: settings.PUBLIC_URL ?? `http://${settings.HOST}:${settings.PORT}`,
    oidc: oidc
      ? {
          issuer: settings.OIDC_ISSUER!,
          clientId: settings.OIDC_CLIENT_ID!,
          clientSecret: settings.OIDC_CLIENT_SECRET,
          audience: settings.OIDC_AUDIENCE,
          rolesClaim: settings.OIDC_ROLES_CLAIM,
          teamsClaim: settings.OIDC_TEAMS_CLAIM,
          groupMap: settings.OIDC_GROUP_MAP,
        }
      : undefined,
  };
}

/** Identity headers from anybody on the network would make everybody an administrator. */
export function refuseOpenHeaderMode(settings: Settings): void {
  if (settings.IDENTITY_MODE === 'oidc' || isLoopback(settings.HOST)) return;
  if (settings.TRUSTED_PROXIES.length > 0 || settings.PROXY_SHARED_SECRET !== undefined) return;
  throw failure('configuration_invalid', {
    message: `IDENTITY_MODE=${settings.IDENTITY_MODE} believes X-User-* headers, but HOST=${settings.HOST} is reachable from the network. Set TRUSTED_PROXIES or PROXY_SHARED_SECRET, use IDENTITY_MODE=oidc, or listen on 127.0.0.1.`,
  });
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** Whether this process starts from what it knew when the database is away: a gateway that does nothing else, for the rest is work on the database. */
export const keepsSnapshot = ({ ROLES, DATABASE_URL, GATEWAY_SNAPSHOT_HOURS }: Settings): boolean =>
  ROLES.every((role) => role === 'gateway') && DATABASE_URL !== undefined && GATEWAY_SNAPSHOT_HOURS > 0;

/** What datasets need of the configuration. Throws `configuration_invalid` where weights are not such. */
export function datasetsConfig(
  settings: Settings,
  given: { dataDir: string; fourEyes: boolean },
): DatasetsDeps['config'] {
  return {
    fourEyes: given.fourEyes,
    maxFileBytes: settings.MAX_FILE_BYTES,
    threshold: settings.DATASET_QUALITY_THRESHOLD,
    weights: scoreWeights(settings.DATASET_QUALITY_WEIGHTS),
    timeoutMs: settings.DATASET_TIMEOUT_SECONDS * 1000,
    workDir: path.join(given.dataDir, 'datasets'),
    concurrency: settings.DATASET_CONCURRENCY,
    ...(settings.PUBLIC_URL === undefined ? {} : { publicUrl: settings.PUBLIC_URL }),
  };
}

/** `missing_values=20,duplicates=40`: what is not named keeps its 20. */
function scoreWeights(text: string | undefined): ScoreWeights {
  const weights = Object.fromEntries(scoreParts.map((part) => [part, 20])) as ScoreWeights;
  for (const pair of text?.trim() ? text.split(',') : []) {
    const [, name = '', value = ''] = /^\s*(\w+)\s*=\s*(\d{1,3}(?:\.\d+)?)\s*$/.exec(pair) ?? [];
    const part = scoreParts.find((known) => known === name);
    if (part === undefined || Number(value) > 100) {
      throw failure('configuration_invalid', {
        message: `DATASET_QUALITY_WEIGHTS: "${pair.trim()}" must be one of ${scoreParts.join(', ')}, "=" and a number from 0 to 100.`,
      });
    }
    weights[part] = Number(value);
  }
  if (Object.values(weights).some((weight) => weight > 0)) return weights;
  throw failure('configuration_invalid', { message: 'DATASET_QUALITY_WEIGHTS: at least one must be above 0.' });
}

/** Whether internal models run on a cluster: as configured, else where there is one. */
export function servesOnCluster(settings: Settings): boolean {
  if (settings.SERVING_RUNTIME !== 'auto') return settings.SERVING_RUNTIME === 'kubernetes';
  const paths = [
    settings.KUBECONFIG_PATH,
    settings.KUBECONFIG_PATH_DEV,
    settings.KUBECONFIG_PATH_STG,
    settings.KUBECONFIG_PATH_PROD,
  ];
  return paths.some((path) => path !== undefined) || process.env.KUBERNETES_SERVICE_HOST !== undefined;
}

/** Where the cluster of an environment is told; those that are told alike are one. */
export function clusterOf(
  settings: Settings,
  environment: Environment,
): { kubeconfigPath: string | null; context: string | null } {
  const name = environment.toUpperCase() as Uppercase<Environment>;
  return {
    kubeconfigPath: settings[`KUBECONFIG_PATH_${name}`] ?? settings.KUBECONFIG_PATH ?? null,
    context: settings[`KUBE_CONTEXT_${name}`] ?? null,
  };
}

function internalRuntimeOf(settings: Settings): string {
  if (!servesOnCluster(settings)) return 'local';
  return settings.USE_KSERVE ? 'kserve' : 'kubernetes';
}

export function clusterConfig(settings: Settings): ClusterConfig {
  return {
    namespacePrefix: 'llm-ops-',
    objectStore: { secretName: 'llm-ops-object-store-credentials', configMapName: 'llm-ops-object-store-config' },
    quotas: {
      dev: settings.SERVING_QUOTA_DEV ?? {},
      stg: settings.SERVING_QUOTA_STG ?? {},
      prod: settings.SERVING_QUOTA_PROD ?? {},
    },
    imagePullSecrets: settings.IMAGE_PULL_SECRETS,
    gpuLabel: settings.SERVING_GPU_LABEL,
    ingressClass: settings.SERVING_INGRESS_CLASS ?? null,
    initImage: 'amazon/aws-cli:latest',
    modelVolume: '100Gi',
    startupSeconds: settings.SERVING_STARTUP_SECONDS,
    terminationSeconds: settings.SERVING_DRAIN_SECONDS + 30,
    baseUrl: settings.SERVING_LOCAL_BASE_URL ?? null,
  };
}

export function modelsConfig(settings: Settings): ModelsSettings {
  return {
    environment: settings.MODELS_ENVIRONMENT,
    namespace: settings.MODELS_NAMESPACE,
    image: settings.MODELS_IMAGE,
    storageClass: settings.MODELS_DEFAULT_STORAGE_CLASS || null,
    storageSize: settings.MODELS_STORAGE_SIZE,
    quota: { models: settings.MODELS_QUOTA_COUNT || null, gpus: settings.MODELS_QUOTA_GPUS || null },
  };
}

export function servingConfig(settings: Settings, given: { fourEyes: boolean }): ServingConfig {
  return {
    fourEyes: given.fourEyes,
    resources: {
      gpu: {
        cpuRequest: settings.SERVING_CPU_REQUEST,
        cpuLimit: settings.SERVING_CPU_LIMIT,
        memoryRequest: settings.SERVING_MEMORY_REQUEST,
        memoryLimit: settings.SERVING_MEMORY_LIMIT,
      },
      cpuOnly: {
        cpuRequest: settings.SERVING_CPU_ONLY_CPU_REQUEST,
        cpuLimit: settings.SERVING_CPU_ONLY_CPU_LIMIT,
        memoryRequest: settings.SERVING_CPU_ONLY_MEMORY_REQUEST,
        memoryLimit: settings.SERVING_CPU_ONLY_MEMORY_LIMIT,
      },
    },
    useGpu: settings.USE_GPU,
    runtimeImage: settings.SERVING_RUNTIME_IMAGE,
    internalRuntime: internalRuntimeOf(settings),
    verify: settings.SERVING_VERIFY,
    repairDrift: settings.SERVING_DRIFT_REPAIR,
    watch: {
      ms: settings.SERVING_WATCH_SECONDS * 1000,
      everyMs: 5_000,
      minimumRequests: 20,
      moreErrors: 1,
      slower: 20,
    },
    drainMs: settings.SERVING_DRAIN_SECONDS * 1000,
    drainMaxMs: Math.max(settings.SERVING_DRAIN_SECONDS, 300) * 1000,
    rolloutTimeoutMs: settings.SERVING_ROLLOUT_SECONDS * 1000,
    reconcileIntervalMs: 500,
    crash: { limit: 3, settleMs: 3_000 },
    verification: { attempts: 3, timeoutMs: 60_000, prompt: 'Hello' },
    healthEveryMs: 30_000,
    secrets: [settings.OBJECT_STORE_SECRET_KEY, settings.HUGGINGFACE_TOKEN].filter((value) => value !== undefined),
  };
}
