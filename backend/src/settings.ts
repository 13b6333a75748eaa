import { isIP } from 'node:net';
import path from 'node:path';
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

/** Whether internal models run on a cluster: as configured, else where there is one. */
export function servesOnCluster(settings: Settings): boolean {
  if (settings.SERVING_RUNTIME !== 'auto') return settings.SERVING_RUNTIME === 'kubernetes';
  return settings.KUBECONFIG_PATH !== undefined || process.env.KUBERNETES_SERVICE_HOST !== undefined;
}

function internalRuntimeOf(settings: Settings): string {
  if (!servesOnCluster(settings)) return 'local';
  return settings.USE_KSERVE ? 'kserve' : 'kubernetes';
}

export function clusterConfig(settings: Settings): ClusterConfig {
  return {
    namespacePrefix: 'llm-ops-',
    objectStore: { secretName: 'llm-ops-object-store-credentials', configMapName: 'llm-ops-object-store-config' },
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

export function servingConfig(settings: Settings): ServingConfig {
  return {
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
    drainMs: settings.SERVING_DRAIN_SECONDS * 1000,
    drainMaxMs: Math.max(settings.SERVING_DRAIN_SECONDS, 300) * 1000,
    rolloutTimeoutMs: settings.SERVING_ROLLOUT_SECONDS * 1000,
    reconcileIntervalMs: 500,
    crash: { limit: 3, settleMs: 3_000 },
    verification: { attempts: 3, timeoutMs: 60_000, prompt: 'Hello' },
    healthEveryMs: 30_000,
  };
}
