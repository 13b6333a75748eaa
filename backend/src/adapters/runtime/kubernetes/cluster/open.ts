import { KubeConfig } from '@kubernetes/client-node';
import { failure } from '#platform/errors';
import { createClusterClient, type ClientOptions, type ClusterClient } from './client.ts';

/**
 * The cluster of a kubeconfig; without a path the one that the server runs in, else the user's own default. `context`: of the kubeconfig,
 * where not its current one is meant. Throws `configuration_invalid`.
 */
export function openCluster(
  kubeconfigPath: string | null,
  { context = null, ...options }: ClientOptions & { context?: string | null } = {},
): ClusterClient {
  try {
    return createClusterClient(() => {
      const config = new KubeConfig();
      if (kubeconfigPath !== null) config.loadFromFile(kubeconfigPath);
      else if (process.env.KUBERNETES_SERVICE_HOST !== undefined) config.loadFromCluster();
      else config.loadFromDefault();
      if (context !== null) {
        if (config.getContextObject(context) === null) throw new Error(`it has no context "${context}"`);
        config.setCurrentContext(context);
      }
      return config;
    }, options);
  } catch (error) {
    throw failure('configuration_invalid', {
      message: `The kubeconfig ${kubeconfigPath ?? 'of this account'} cannot be used: ${(error as Error).message}`,
    });
  }
}
