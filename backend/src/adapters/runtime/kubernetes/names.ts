import type { RevisionSpec } from '#ports/runtime';
import type { ClusterConfig } from './types.ts';

export interface Names {
  namespace: string;
  /** of the endpoint: `serving-{endpointId}` */
  endpoint: string;
  /** of the revision's own objects */
  revision: string;
  service: string;
  hpa: string;
  ingress: string;
  /** what clients call it */
  route: string;
}

const servePrefix = '/llm-ops/v1/serve/';

/** All names follow from ids, so they are DNS names whatever the route is called. */
export function namesOf(
  spec: Pick<RevisionSpec, 'endpointId' | 'number' | 'environment' | 'route'>,
  config: Pick<ClusterConfig, 'namespacePrefix'>,
): Names {
  const endpoint = `serving-${spec.endpointId}`;
  const { route } = spec;
  return {
    namespace: `${config.namespacePrefix}${spec.environment}`,
    endpoint,
    revision: `${endpoint}-r${spec.number}`,
    service: `${endpoint}-svc`,
    hpa: `${endpoint}-hpa`,
    ingress: `${endpoint}-ingress`,
    route: route.startsWith(servePrefix) ? route.slice(servePrefix.length) : route.replace(/^\//, ''),
  };
}

/** A value that a label can hold: at most 63 of `[A-Za-z0-9._-]`, beginning and ending with a letter or digit. */
export function labelValue(text: string): string {
  return text
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .slice(0, 63)
    .replaceAll(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, '');
}
