import type { Budget, Endpoint, GatewayView } from '@llm-ops/contracts';
import { isOutOfSight } from '../serving/vocabulary.ts';

export interface Concern {
  /** key in `shell.home.concern` */
  key: 'cluster' | 'endpoint' | 'upstream' | 'route' | 'gateway' | 'changes' | 'approvals' | 'budget';
  /** the worse ones come first */
  level: 'error' | 'warning' | 'info';
  /** what it is about: a route, a budget's name, how many */
  of: string;
  /** of so many requests so many failed */
  share?: { errors: number; requests: number };
  status?: string;
  to: string;
}

const order = ['error', 'warning', 'info'];
/** One slip is no trouble: of the last minutes at least so many failed, and at least one in so many. */
const fewest = 3;
const oneIn = 10;
/** As many as one can take in at a look; the lists have the rest. */
const most = 8;

/** What somebody should look at now: what does not run, what waits for a person, what is used up. */
export function concernsOf(found: {
  endpoints: readonly (Pick<Endpoint, 'id' | 'route' | 'status' | 'environment'> &
    Partial<Pick<Endpoint, 'conditions'>>)[];
  approvals: number;
  changes: number;
  budgets: readonly Pick<Budget, 'name' | 'enabled' | 'current'>[];
  /** of the last minutes; what runs elsewhere is only seen by how it answers */
  traffic: {
    routes: readonly Pick<GatewayView['routes'][number], 'route' | 'environment' | 'requests' | 'errors'>[];
    gateways: readonly Pick<GatewayView['gateways'][number], 'host' | 'alive' | 'open_breakers'>[];
  };
}): Concern[] {
  const concerns: Concern[] = [];
  // their status is as it was seen last
  const unseen = found.endpoints.filter(({ conditions = [] }) => isOutOfSight({ conditions }));
  if (unseen.length > 0)
    concerns.push({ key: 'cluster', level: 'error', of: String(unseen.length), to: '/serving/cluster' });
  for (const { id, route, status, environment } of found.endpoints) {
    if (status !== 'failed' && status !== 'degraded') continue;
    const level = status === 'failed' ? 'error' : 'warning';
    concerns.push({ key: 'endpoint', level, of: `${route} · ${environment}`, status, to: `/serving/endpoints/${id}` });
  }
  const shut = new Set(found.traffic.gateways.flatMap(({ open_breakers: open }) => open.map((one) => one.endpoint_id)));
  for (const id of shut) {
    const endpoint = found.endpoints.find((one) => one.id === id);
    if (endpoint?.status === 'failed') continue;
    const of = endpoint ? `${endpoint.route} · ${endpoint.environment}` : id;
    concerns.push({ key: 'upstream', level: 'error', of, to: `/serving/endpoints/${id}` });
  }
  for (const { route, environment, requests, errors } of found.traffic.routes) {
    if (errors < fewest || errors * oneIn < requests) continue;
    const to = `/observability/requests?outcome=error&route=${encodeURIComponent(route)}&environment=${environment}`;
    concerns.push({ key: 'route', level: 'error', of: `${route} · ${environment}`, share: { errors, requests }, to });
  }
  for (const { host, alive } of found.traffic.gateways)
    if (!alive) concerns.push({ key: 'gateway', level: 'warning', of: host, to: '/observability' });
  for (const { name, enabled, current } of found.budgets) {
    if (!enabled || current.state === 'ok') continue;
    const level = current.state === 'exhausted' ? 'error' : 'warning';
    concerns.push({ key: 'budget', level, of: name, status: current.state, to: '/governance/budgets' });
  }
  if (found.approvals > 0)
    concerns.push({ key: 'approvals', level: 'info', of: String(found.approvals), to: '/catalog/approvals' });
  if (found.changes > 0)
    concerns.push({ key: 'changes', level: 'info', of: String(found.changes), to: '/serving/changes?status=open' });
  return concerns.toSorted((a, b) => order.indexOf(a.level) - order.indexOf(b.level)).slice(0, most);
}
