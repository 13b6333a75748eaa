import { permissions, type PolicyRule, type Role } from '@llm-ops/contracts';
import type { Identity } from './index.ts';

/** An active policy, as decisions need it. */
export interface PolicyInForce {
  id: string;
  name: string;
  scope: 'catalog' | 'training' | 'serving' | 'prompts' | 'inference' | 'global';
  rules: readonly PolicyRule[];
}

/** A rule made ready to be matched: wildcards resolved, matches flattened to dotted paths with lists of accepted values. */
export interface CompiledRule {
  /** `policy:<name>#<rule number from 1>` */
  label: string;
  effect: 'allow' | 'deny';
  actions: readonly string[];
  /** kind of resource; `all` for any */
  type: string;
  match: Readonly<Record<string, readonly unknown[]>>;
  subjects: PolicyRule['subjects'];
  reason: string;
}

/** Actions that a policy of a scope can speak about, by the noun before the colon; null: all of them. */
const nounsOfScope: Record<PolicyInForce['scope'], readonly string[] | null> = {
  catalog: ['model', 'dataset'],
  training: ['training'],
  serving: ['endpoint', 'route'],
  prompts: ['prompt'],
  inference: ['inference'],
  global: null,
};

export const nounOf = (action: string) => action.slice(0, Math.max(action.indexOf(':'), 0)) || action;

export function inScope(action: string, scope: PolicyInForce['scope']): boolean {
  const nouns = nounsOfScope[scope];
  return nouns === null || action === '*' || nouns.includes(nounOf(action));
}

/** `model:*` and `*` as the permissions they stand for within the scope. */
export function actionsOf(named: readonly string[], scope: PolicyInForce['scope']): string[] {
  const found = new Set<string>();
  for (const action of named) {
    if (!action.endsWith('*')) {
      if (inScope(action, scope)) found.add(action);
      continue;
    }
    const prefix = action.slice(0, -1);
    for (const permission of permissions) {
      if (permission.startsWith(prefix) && inScope(permission, scope)) found.add(permission);
    }
  }
  return [...found];
}

/** `{metadata: {classification: 'secret'}}` and `{'metadata.classification': ['secret']}` are the same match. */
export function flattenMatch(
  match: Readonly<Record<string, unknown>>,
  prefix = '',
): Record<string, readonly unknown[]> {
  const flat: Record<string, readonly unknown[]> = {};
  for (const [field, value] of Object.entries(match)) {
    const path = prefix + field;
    if (Array.isArray(value)) flat[path] = value;
    else if (value !== null && typeof value === 'object') {
      Object.assign(flat, flattenMatch(value as Record<string, unknown>, `${path}.`));
    } else flat[path] = [value];
  }
  return flat;
}

/** In an order of their own (policy name, id, rule number), so that the order of rows never changes a decision. */
export function compile(policies: readonly PolicyInForce[]): CompiledRule[] {
  const ordered = [...policies].sort((a, b) => compare(a.name, b.name) || compare(a.id, b.id));
  return ordered.flatMap((policy) =>
    policy.rules.flatMap((rule, index) => {
      const actions = actionsOf(rule.actions, policy.scope);
      if (actions.length === 0) return [];
      const match = flattenMatch(rule.resources.match);
      if (rule.environments) {
        const known = match.environment;
        match.environment = known ? rule.environments.filter((one) => known.includes(one)) : rule.environments;
      }
      const { effect, subjects, reason } = rule;
      const type = rule.resources.type === '*' ? 'all' : rule.resources.type;
      return [{ label: `policy:${policy.name}#${index + 1}`, effect, actions, type, match, subjects, reason }];
    }),
  );
}

/** Whether a rule is about this identity: any of its lists names it; no list at all means everybody. */
export function concerns(subjects: PolicyRule['subjects'], identity: Identity): boolean {
  const { roles, teams, users } = subjects;
  if (roles === undefined && teams === undefined && users === undefined) return true;
  if (roles?.some((role) => holds(identity.roles, role))) return true;
  if (users?.includes(identity.userId)) return true;
  // '*' sees every team's things but is a member of none in particular
  return identity.teams !== '*' && (teams?.some((team) => identity.teams.includes(team)) ?? false);
}

const holds = (held: readonly Role[], role: Role) =>
  held.includes(role) || (held.includes('llm-ops-user') && (role === 'developer' || role === 'viewer'));

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
