import { createMongoAbility, type MongoAbility, type RawRuleOf } from '@casl/ability';
import { packRules } from '@casl/ability/extra';
import { deployableEnvironments, environments, permissionsOf, rolesWith, type Permission } from '@llm-ops/contracts';
import { failure } from '#platform/errors';
import type { Access, Decision, Environment, Identity, Resource, Scope } from './index.ts';
import { compile, concerns, nounOf, type CompiledRule, type PolicyInForce } from './rules.ts';

type RawRule = RawRuleOf<MongoAbility>;

/** Kinds of things that policies speak about, and what an action without a resource is about. */
const typeOfNoun: Record<string, string> = { inference: 'route' };
const resourceTypes = new Set([
  'model',
  'dataset',
  'endpoint',
  'route',
  'prompt',
  'job',
  'run',
  'experiment',
  'budget',
]);
/** Their services ask again with the thing itself, so a conditional allow may pass the gate of the route. */
const askedAgain = new Set(['model', 'dataset', 'endpoint', 'route', 'inference', 'training', 'evaluation', 'prompt']);

const compiled = new WeakMap<readonly PolicyInForce[], { rules: CompiledRule[]; abilities: Map<string, Compiled> }>();
const maxAbilities = 500;
/** No field of a request can pretend to be another kind of thing. */
const kind = Symbol('kind');

interface Compiled {
  ability: MongoAbility;
  rules: readonly CompiledRule[];
  origin: Map<unknown, CompiledRule>;
}

/**
 * What this identity may do under these policies. Pure; pass the same array again while the policies are the same, then what was
 * worked out is used again.
 */
export function createAccess(identity: Identity, policies: readonly PolicyInForce[]): Access {
  const everyTeam = identity.teams === '*' || identity.roles.includes('admin');
  const teams = identity.teams === '*' ? [] : identity.teams;
  // a key stays in its team, even where its maker has rows elsewhere
  const maker = identity.kind === 'api-key' ? '' : identity.userId;
  let own: Compiled | null = null;
  const mine = () => (own ??= compiledFor(identity, policies));

  function decide(permission: Permission, resource?: Resource, environment?: Environment): Decision {
    const where = environment ?? environmentOf(resource);
    const limit = keyLimit(identity, permission, resource, where);
    if (limit) return limit;
    const { ability, origin } = mine();
    const type = typeFor(permission, resource);
    // by kind alone, conditions are left for the service to ask about
    const gate = resource === undefined && where === undefined && askedAgain.has(nounOf(permission));
    const about = gate ? type : { ...resource, environment: where, [kind]: type };
    const rule = ability.relevantRuleFor(permission, about as never);
    const policy = rule && origin.get(rule.origin);
    if (rule?.inverted && policy) {
      return {
        allowed: false,
        rule: policy.label,
        reason: policy.reason,
        remedy: `The policy "${nameOf(policy)}" forbids it. Ask an administrator to change it if that is wrong.`,
      };
    }
    if (rule) {
      return policy
        ? { allowed: true, rule: policy.label, reason: policy.reason, remedy: null }
        : { allowed: true, rule: 'role', reason: 'A role allows it.', remedy: null };
    }
    return refusal(identity, permission, where);
  }

  return {
    identity,
    decide,
    require(permission, resource, environment) {
      const decision = decide(permission, resource, environment);
      if (decision.allowed) return;
      throw failure('permission_denied', {
        message: decision.reason,
        ...(decision.remedy === null ? {} : { remedy: decision.remedy }),
        data: { rule: decision.rule, permission },
      });
    },
    sees(row) {
      return (
        everyTeam ||
        row.visibility === 'organization' ||
        teams.includes(row.team) ||
        (maker !== '' && row.createdBy === maker)
      );
    },
    scope(permission, type): Scope {
      const about = mine().rules.filter(
        (rule) => rule.actions.includes(permission) && (rule.type === 'all' || rule.type === type),
      );
      const matches = (effect: 'allow' | 'deny') =>
        about.filter((rule) => rule.effect === effect).map((rule): Record<string, unknown> => ({ ...rule.match }));
      const allowed = matches('allow');
      const byRole = permissionsOf(identity.roles).has(permission);
      return {
        userId: maker,
        teams: everyTeam ? null : teams,
        denied: matches('deny'),
        allowed: byRole || allowed.some((match) => Object.keys(match).length === 0) ? null : allowed,
      };
    },
    packedRules: () => packRules(mine().ability.rules),
  };
}

function compiledFor(identity: Identity, policies: readonly PolicyInForce[]): Compiled {
  let known = compiled.get(policies);
  if (!known) {
    known = { rules: compile(policies), abilities: new Map() };
    compiled.set(policies, known);
  }
  const rules = known.rules.filter((rule) => concerns(rule.subjects, identity));
  const key = `${[...identity.roles].sort().join()}|${rules.map((rule) => rule.label).join('\n')}`;
  let found = known.abilities.get(key);
  if (!found) {
    if (known.abilities.size >= maxAbilities) known.abilities.clear();
    found = build(identity, rules);
    known.abilities.set(key, found);
  }
  return found;
}

/** The last rule that matches decides: what the role gives, then what policies allow, then what they deny. */
function build(identity: Identity, rules: readonly CompiledRule[]): Compiled {
  const origin = new Map<unknown, CompiledRule>();
  const raw: RawRule[] = [];
  const deployable = [...deployableEnvironments(identity.roles)];
  const held = [...permissionsOf(identity.roles)];
  const plain = held.filter((one) => one !== 'endpoint:deploy' || deployable.length === environments.length);
  if (plain.length > 0) raw.push({ action: plain, subject: 'all' });
  if (plain.length < held.length) {
    raw.push({ action: 'endpoint:deploy', subject: 'all', conditions: { environment: { $in: deployable } } });
  }
  for (const effect of ['allow', 'deny'] as const) {
    for (const rule of rules.filter((one) => one.effect === effect)) {
      const conditions = Object.fromEntries(Object.entries(rule.match).map(([path, any]) => [path, { $in: [...any] }]));
      const one: RawRule = {
        action: [...rule.actions],
        subject: rule.type,
        ...(Object.keys(conditions).length > 0 ? { conditions } : {}),
        ...(effect === 'deny' ? { inverted: true } : {}),
        reason: rule.reason,
      };
      origin.set(one, rule);
      raw.push(one);
    }
  }
  const ability = createMongoAbility<MongoAbility>(raw, {
    // an action called `manage` is not everything; `*` is resolved before
    anyAction: '*',
    detectSubjectType: (about) => (about as unknown as { [kind]: string })[kind],
  });
  return { ability, rules, origin };
}

/** A row spread over the resource may replace its kind (a model has a `type` of its own): then the action says what it is about. */
function typeFor(permission: string, resource: Resource | undefined): string {
  if (resource && resourceTypes.has(resource.type)) return resource.type;
  const noun = nounOf(permission);
  return typeOfNoun[noun] ?? noun;
}

function environmentOf(resource: Resource | undefined): Environment | undefined {
  return environments.find((one) => one === resource?.environment);
}

/** A key held to routes or environments is refused elsewhere, whatever its roles. */
function keyLimit(
  identity: Identity,
  permission: Permission,
  resource: Resource | undefined,
  environment: Environment | undefined,
): Decision | null {
  if (identity.environments && environment && !identity.environments.includes(environment)) {
    return {
      allowed: false,
      rule: 'api-key',
      reason: `This API key is for ${identity.environments.join(', ') || 'no environment'}, not for ${environment}.`,
      remedy: `Use a key whose environments include ${environment}.`,
    };
  }
  if (!identity.routes || !resource || typeFor(permission, resource) !== 'route') return null;
  const name = typeof resource.name === 'string' ? resource.name.replace(/^\/+/, '') : '';
  if (identity.routes.some((route) => route.replace(/^\/+/, '') === name)) return null;
  return {
    allowed: false,
    rule: 'api-key',
    reason: `This API key is not for the route "${name}".`,
    remedy: 'Use a key whose routes include it, or one without a list of routes.',
  };
}

function refusal(identity: Identity, permission: Permission, environment: Environment | undefined): Decision {
  const held = identity.roles.length > 0 ? `your roles (${identity.roles.join(', ')})` : 'having no role';
  if (permission === 'endpoint:deploy' && permissionsOf(identity.roles).has(permission) && environment) {
    return {
      allowed: false,
      rule: 'environment',
      reason: `Deploying to ${environment} is not allowed by ${held}.`,
      remedy: `Ask for one of these roles: ${rolesWith(permission)
        .filter((role) => deployableEnvironments([role]).has(environment))
        .join(', ')}; or for a policy that allows endpoint:deploy in ${environment}.`,
    };
  }
  const roles = rolesWith(permission);
  return {
    allowed: false,
    rule: 'role',
    reason: `${permission} is not allowed by ${held}.`,
    remedy: `Ask for one of these roles: ${roles.join(', ') || 'none holds it'}; or for a policy that allows ${permission}.`,
  };
}

const nameOf = (rule: CompiledRule) => rule.label.slice('policy:'.length, rule.label.lastIndexOf('#'));
