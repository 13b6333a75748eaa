import type { Permission, RequestDetail, RoutingDecision } from '@llm-ops/contracts';
import type { Route } from '../serving/vocabulary.ts';

export interface Place {
  /** key in `observability.refusal.go` */
  key: 'budgets' | 'keys' | 'route' | 'routes' | 'policies' | 'endpoint';
  to: string;
  permission: Permission | null;
}

/** Where what refused a request, or made it fail, is looked at and changed. `routeId`: of the name it asked for; null: there is none. */
export function placesOf(
  request: Pick<RequestDetail, 'error_code' | 'api_key_id' | 'endpoint_id'>,
  routeId: string | null,
): Place[] {
  const keys: Place = { key: 'keys', to: '/governance/api-keys', permission: 'api-key:read' };
  const route: Place =
    routeId === null
      ? { key: 'routes', to: '/serving/routes', permission: 'route:read' }
      : { key: 'route', to: `/serving/routes/${routeId}`, permission: 'route:read' };
  const withKey = (...places: Place[]) => (request.api_key_id === null ? places : [keys, ...places]);
  switch (request.error_code) {
    case 'budget_exhausted':
      return [{ key: 'budgets', to: '/governance/budgets', permission: 'budget:read' }];
    case 'rate_limited':
      return withKey(route);
    case 'permission_denied':
      return withKey({ key: 'policies', to: '/governance/policies', permission: 'policy:read' });
    case 'route_not_found':
    case 'registration_disabled':
      return [route];
  }
  if (request.endpoint_id === null) return routeId === null ? [] : [route];
  return [
    { key: 'endpoint', to: `/serving/endpoints/${request.endpoint_id}`, permission: 'endpoint:read' },
    ...(routeId === null ? [] : [route]),
  ];
}

/** Whether other targets of the route were not asked because it does not try again for what failed. */
export function isLeftUntried(
  decision: Pick<RoutingDecision, 'attempts'> | null,
  route: Pick<Route, 'targets' | 'retry'>,
): boolean {
  const last = decision?.attempts.at(-1);
  if (last?.outcome !== 'error' && last?.outcome !== 'timeout') return false;
  const asked = new Set(decision?.attempts.map(({ endpoint_id: id }) => id));
  return (
    !route.retry.on.includes(last.outcome) &&
    route.targets.some(({ endpointId: id, priority }) => priority >= last.priority && !asked.has(id))
  );
}
