import type { Budget, Endpoint } from '@llm-ops/contracts';

export interface Concern {
  /** key in `shell.home.concern` */
  key: 'endpoint' | 'changes' | 'approvals' | 'budget';
  /** the worse ones come first */
  level: 'error' | 'warning' | 'info';
  /** what it is about: a route, a budget's name, how many */
  of: string;
  status?: string;
  to: string;
}

const order = ['error', 'warning', 'info'];
/** As many as one can take in at a look; the lists have the rest. */
const most = 8;

/** What somebody should look at now: what does not run, what waits for a person, what is used up. */
export function concernsOf(found: {
  endpoints: readonly Pick<Endpoint, 'id' | 'route' | 'status' | 'environment'>[];
  approvals: number;
  changes: number;
  budgets: readonly Pick<Budget, 'name' | 'enabled' | 'current'>[];
}): Concern[] {
  const concerns: Concern[] = [];
  for (const { id, route, status, environment } of found.endpoints) {
    if (status !== 'failed' && status !== 'degraded') continue;
    const level = status === 'failed' ? 'error' : 'warning';
    concerns.push({ key: 'endpoint', level, of: `${route} · ${environment}`, status, to: `/serving/endpoints/${id}` });
  }
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
