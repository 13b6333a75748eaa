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
  let general: Decision | null = null;
  return {
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
  };
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

/** The targets of a route that the caller may use: a policy may speak about models. Without any, the first denial. */
export function allowedTargets(
  rights: Rights,
  route: ResolvedRoute,
): { targets: readonly RouteTarget[]; denied: Decision | null } {
  const { routeName: name, environment, team } = route;
  let denied: Decision | null = null;
  const decide = ({ modelName }: RouteTarget): boolean => {
    const decision = rights.decide({ name, environment, team, modelName });
    if (!decision.allowed) denied ??= decision;
    return decision.allowed;
  };
  const targets = route.targets.filter(decide);
  return { targets: targets.length === route.targets.length ? route.targets : targets, denied };
}

export function denial(decision: Decision): Failure {
  const remedy = decision.remedy === null ? {} : { remedy: decision.remedy };
  return failure('permission_denied', { message: decision.reason, ...remedy, data: { rule: decision.rule } });
}
