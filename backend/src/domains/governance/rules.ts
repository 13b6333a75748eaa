import {
  deployableEnvironments,
  permissions,
  permissionsOf,
  type KeyLimits,
  type Policy,
  type PolicyRule,
  type Role,
} from '@llm-ops/contracts';
import type { z } from 'zod';
import type { Identity } from '#platform/access';
import { actionsOf, inScope } from '#platform/access';
import type { Issue } from '#platform/errors';
import { words } from './sentences.ts';

/** Roles that this identity may not give, because they may more than it does itself. */
export function beyondOwn(asked: readonly Role[], identity: Identity): Role[] {
  const held = permissionsOf(identity.roles);
  const places = deployableEnvironments(identity.roles);
  return asked.filter(
    (role) =>
      [...permissionsOf([role])].some((permission) => !held.has(permission)) ||
      [...deployableEnvironments([role])].some((environment) => !places.has(environment)),
  );
}

/** A key held to routes or environments makes no freer key. */
export function freerThan<T>(asked: readonly T[] | null, own: readonly T[] | null): boolean {
  return own !== null && (asked === null || asked.some((one) => !own.includes(one)));
}

type Limits = z.output<typeof KeyLimits>;

/** A key held to limits gives no more than those. */
export function looserThan(asked: Limits | null, own: Limits | null): boolean {
  const most = (limits: Limits | null, name: keyof Limits) => limits?.[name] ?? Infinity;
  return (['requestsPerMinute', 'tokensPerMinute'] as const).some((name) => most(asked, name) > most(own, name));
}

/** What is wrong with the rules of a policy beyond their shape: what could never match, or would lock everybody out. */
export function policyIssues(rules: readonly PolicyRule[], scope: Policy['scope']): Issue[] {
  return rules.flatMap((rule, index) => {
    const at = `rules.${index}`;
    return [
      ...actionIssues(rule, scope, at),
      ...matchIssues(rule.resources.match, `${at}.resources.match`),
      ...(locksOut(rule, scope) ? [{ path: at, ...words.tell('locks_out') }] : []),
    ];
  });
}

function actionIssues(rule: PolicyRule, scope: Policy['scope'], at: string): Issue[] {
  const nouns = new Set(permissions.map((permission) => permission.split(':')[0]));
  return rule.actions.flatMap((action, index) => {
    const path = `${at}.actions.${index}`;
    const wildcard = action === '*' || (action.endsWith(':*') && nouns.has(action.slice(0, -2)));
    if (!wildcard && !(permissions as readonly string[]).includes(action)) {
      return [{ path, ...words.tell('no_action', { action, actions: permissions }) }];
    }
    return inScope(action, scope) ? [] : [{ path, ...words.tell('outside_scope', { action, scope }) }];
  });
}

const isScalar = (value: unknown) => value === null || ['string', 'number', 'boolean'].includes(typeof value);

function matchIssues(match: Record<string, unknown>, at: string): Issue[] {
  return Object.entries(match).flatMap(([field, value]) => {
    const path = `${at}.${field}`;
    if (!/^[A-Za-z_][\w-]*(\.[\w-]+)*$/.test(field)) {
      return [{ path, ...words.tell('field_name') }];
    }
    if (isScalar(value)) return [];
    if (!Array.isArray(value)) {
      return value !== null && typeof value === 'object'
        ? matchIssues(value as Record<string, unknown>, path)
        : [{ path, ...words.tell('value_or_list') }];
    }
    return value.length > 0 && value.every(isScalar) ? [] : [{ path, ...words.tell('list_empty') }];
  });
}

function locksOut(rule: PolicyRule, scope: Policy['scope']): boolean {
  const { type, match } = rule.resources;
  if (rule.effect !== 'deny' || !['*', 'all', 'policy'].includes(type) || Object.keys(match).length > 0) return false;
  if (rule.environments !== undefined || !actionsOf(rule.actions, scope).includes('policy:write')) return false;
  const { roles, teams, users } = rule.subjects;
  return roles === undefined ? teams === undefined && users === undefined : roles.includes('admin');
}

/** Position in a list sorted by time and name; opaque to clients. */
export function encodeNameCursor(at: string, name: string): string {
  return Buffer.from(JSON.stringify([at, name])).toString('base64url');
}

/** Null when it is not one of ours. */
export function decodeNameCursor(text: string): { at: string; name: string } | null {
  try {
    const [at, name] = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as unknown[];
    if (typeof at !== 'string' || typeof name !== 'string' || name.includes('\u0000')) return null;
    return Number.isNaN(Date.parse(at)) ? null : { at, name };
  } catch {
    return null;
  }
}
