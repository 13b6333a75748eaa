import type { ClusterConfig, Manifest } from '../types.ts';
import { ClusterError, type ClusterClient } from './client.ts';

export interface ObjectStoreAccess {
  endpoint: string;
  region: string;
  accessKey: string;
  secretKey: string;
}

interface NamespaceDeps {
  client: ClusterClient;
  config: ClusterConfig;
  objectStore: ObjectStoreAccess | null;
}

/** Does `work` in the namespace of an environment, which is made first where it is not there. */
export type InNamespace = <T>(namespace: string, environment: string, work: () => Promise<T>) => Promise<T>;

/** Makes each namespace once, and again when it turns out to be gone; what failed is tried again. */
export function createNamespaces(deps: NamespaceDeps): InNamespace {
  const made = new Map<string, Promise<void>>();

  function ensure(namespace: string, environment: string): Promise<void> {
    const known = made.get(namespace);
    if (known !== undefined) return known;
    const making = ensureNamespace(deps, namespace, environment);
    made.set(namespace, making);
    making.catch(() => made.delete(namespace));
    return making;
  }

  return async (namespace, environment, work) => {
    await ensure(namespace, environment);
    try {
      return await work();
    } catch (error) {
      if (isGone(error)) made.delete(namespace);
      throw error;
    }
  };
}

/** The namespace was deleted, or is being deleted. */
const isGone = (error: unknown) =>
  error instanceof ClusterError &&
  (error.status === 404 || (error.status === 403 && error.message.includes('being terminated')));

/**
 * The namespace of an environment with the secret and config map that serving pods refer to. A namespace that is there already may not be
 * ours to change: then only what is missing in it is made.
 */
async function ensureNamespace(deps: NamespaceDeps, namespace: string, environment: string): Promise<void> {
  const { client, config, objectStore } = deps;
  const labels = { 'app.kubernetes.io/part-of': 'llm-ops', 'app.kubernetes.io/managed-by': 'llm-ops' };
  try {
    await client.apply({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: namespace, labels: { ...labels, 'llm-ops.io/environment': environment } },
    });
  } catch (error) {
    // without the right to namespaces it must have been made for us
    if (!(error instanceof ClusterError && error.status === 403)) throw error;
    await client.get(`/api/v1/namespaces/${namespace}`);
  }
  for (const manifest of quotaOf(namespace, config.quotas[environment] ?? {}, labels)) await client.apply(manifest);
  if (objectStore === null) return;
  const made: Manifest[] = [
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: config.objectStore.secretName, namespace, labels },
      type: 'Opaque',
      stringData: { AWS_ACCESS_KEY_ID: objectStore.accessKey, AWS_SECRET_ACCESS_KEY: objectStore.secretKey },
    },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: config.objectStore.configMapName, namespace, labels },
      data: { AWS_ENDPOINT_URL: objectStore.endpoint, AWS_DEFAULT_REGION: objectStore.region },
    },
  ];
  for (const manifest of made) await client.apply(manifest);
}

/** A quota, and limits for containers that name none: without them the quota would keep such containers out. Pure. */
function quotaOf(
  namespace: string,
  hard: Readonly<Record<string, string>>,
  labels: Record<string, string>,
): Manifest[] {
  if (Object.keys(hard).length === 0) return [];
  const metadata = { name: 'llm-ops', namespace, labels };
  const limits = [
    { type: 'Container', default: { cpu: '1', memory: '1Gi' }, defaultRequest: { cpu: '100m', memory: '128Mi' } },
  ];
  return [
    { apiVersion: 'v1', kind: 'ResourceQuota', metadata, spec: { hard } },
    { apiVersion: 'v1', kind: 'LimitRange', metadata, spec: { limits } },
  ];
}
