import type {
  ChangeStatus,
  DataOf,
  Endpoint,
  EndpointStatus,
  Environment,
  gatewayRoutes,
  servingRoutes,
} from '@llm-ops/contracts';

export type Revision = DataOf<(typeof servingRoutes)['listRevisions']>[number];
export type Canary = NonNullable<DataOf<(typeof servingRoutes)['getCanary']>>;
export type Runtime = DataOf<(typeof servingRoutes)['listRuntimes']>[number];
export type Preflight = DataOf<(typeof servingRoutes)['preflight']>;
export type Verification = DataOf<(typeof servingRoutes)['verifyEndpoint']>;
export type Drift = DataOf<(typeof servingRoutes)['listDrift']>[number];
export type Registration = DataOf<(typeof gatewayRoutes)['listRegistrations']>[number];
export type Route = DataOf<(typeof gatewayRoutes)['listRoutes']>[number];

export const environments = ['dev', 'stg', 'prod'] as const satisfies readonly Environment[];
export const endpointStatuses = [
  'deploying',
  'healthy',
  'degraded',
  'failed',
  'stopped',
  'deleting',
] as const satisfies readonly EndpointStatus[];

export const changeStatuses = [
  'open',
  'approved',
  'rejected',
  'changes_requested',
  'applied',
  'withdrawn',
] as const satisfies readonly ChangeStatus[];

/** A newer revision is on its way to the traffic. */
export const isRollingOut = ({ status, revision, targetRevision }: Endpoint): boolean =>
  status === 'deploying' || (revision !== targetRevision && status !== 'stopped' && status !== 'deleting');

export const isOpenCanary = ({ state }: Canary): boolean => state === 'waiting' || state === 'running';

/** Worth looking again soon: something is under way, or wrong and may mend itself. */
export const isUnsettled = (endpoint: Endpoint): boolean =>
  isRollingOut(endpoint) || endpoint.status === 'degraded' || endpoint.status === 'deleting';

/** Its cluster cannot be reached: what is known of it is from before. */
export const isOutOfSight = ({ conditions }: Pick<Endpoint, 'conditions'>): boolean =>
  conditions.some(({ type, reason }) => type === 'Cluster' && reason === 'Unreachable');

/** Its model answers elsewhere: no image runs for it. */
export const isExternal = ({ runtimeImage }: Pick<Endpoint, 'runtimeImage'>): boolean => runtimeImage === '';

/** Routes that are more than the own name of an endpoint: they share, fall back, or are called otherwise. */
export function routesBeside<R extends Pick<Route, 'name' | 'environment' | 'targets'>>(
  routes: readonly R[],
  endpoints: readonly Pick<Endpoint, 'id' | 'route' | 'environment'>[],
): R[] {
  return routes.filter(({ name, environment, targets }) => {
    const own = endpoints.find((endpoint) => labelOf(endpoint) === `${name} · ${environment}`);
    return own === undefined || targets.length > 1 || targets[0]?.endpointId !== own.id;
  });
}

/** How an endpoint is told from others in a list of choices: `glossary · dev`. */
export const labelOf = ({ route, environment }: Pick<Endpoint, 'route' | 'environment'>): string =>
  `${route.replace(/^\/(?:llm-ops\/v1\/serve\/)?/, '')} · ${environment}`;
