import type { Permission, RequestDetail } from '@llm-ops/contracts';

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
