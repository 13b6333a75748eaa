import type { ResolvedRoute, RouteTarget } from '#domains/serving';
import type { Access, Decision, Environment, Identity, PolicyInForce } from '#platform/access';
import { failure, type Failure } from '#platform/errors';

interface RouteFacts {
  name: string;
  environment: Environment;
  team: string;
  modelName: string;
}

/** What one caller may do on the inference path. */
export interface Rights {
  access: Access;
  /** Throws `permission_denied`. */
  requireInference(): void;
  /** null: an API key may be held to some names, and this is none of them */
  mayName(name: string): boolean;
  decide(facts: RouteFacts): Decision;
  /** The targets of a route that the caller may use. */
  allowed(route: ResolvedRoute): Allowed;
}

interface Known {
  policies: readonly PolicyInForce[];
  rights: Rights;
}

const mostDecisions = 1_000;

/**
 * Rights of an identity, worked out once as long as the identity object and the policies are the same: an API key's are, so that its
 * requests are decided by one look-up.
 */
export function createRightsOf(deps: {
  accessFor(identity: Identity): Access;
  policies(): readonly PolicyInForce[];
}): (identity: Identity) => Rights {
  const known = new WeakMap<Identity, Known>();
  return (identity) => {
    const policies = deps.policies();
    const found = known.get(identity);
    if (found !== undefined && found.policies === policies) return found.rights;
    const rights = rightsOf(deps.accessFor(identity));
    known.set(identity, { policies, rights });
    return rights;
  };
}

function rightsOf(access: Access): Rights {
  const { identity } = access;
  const decisions = new Map<string, Decision>();
  const routes = new WeakMap<ResolvedRoute, Allowed>();
  let general: Decision | null = null;
  const rights: Rights = {
    access,
    requireInference() {
      general ??= access.decide('inference:call');
      if (!general.allowed) throw denial(general);
    },
    mayName: (name) => identity.routes === null || identity.routes.includes(name),
    decide(facts) {
      const key = `${facts.environment} ${facts.team} ${facts.modelName} ${facts.name}`;
      const made = decisions.get(key);
      if (made !== undefined) return made;
      if (decisions.size >= mostDecisions) decisions.clear();
      const decision = access.decide('inference:call', resourceOf(facts), facts.environment);
      decisions.set(key, decision);
      return decision;
    },
    allowed(route) {
      const known = routes.get(route);
      if (known !== undefined) return known;
      const made = allowedOf(rights.decide, route);
      routes.set(route, made);
      return made;
    },
  };
  return rights;
}

/** What policies match on, for a call of this route. */
const resourceOf = ({ name, environment, team, modelName }: RouteFacts) => ({
  type: 'route',
  name,
  environment,
  team,
  owner_team: team,
  model_name: modelName,
});

export interface Allowed {
  targets: readonly RouteTarget[];
  /** the first denial, where there is one */
  denied: Decision | null;
}

/** The targets of a route that the caller may use: a policy may speak about models. */
function allowedOf(decide: Rights['decide'], route: ResolvedRoute): Allowed {
  const { routeName: name, environment, team } = route;
  let denied: Decision | null = null;
  const targets = route.targets.filter(({ modelName }) => {
    const decision = decide({ name, environment, team, modelName });
    if (!decision.allowed) denied ??= decision;
    return decision.allowed;
  });
  return { targets, denied };
}

export function denial(decision: Decision): Failure {
  const remedy = decision.remedy === null ? {} : { remedy: decision.remedy };
  return failure('permission_denied', { message: decision.reason, ...remedy, data: { rule: decision.rule } });
}
