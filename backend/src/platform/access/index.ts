import type { Permission, Role } from '@llm-ops/contracts';

export type Environment = 'dev' | 'stg' | 'prod';

/** Who asks. Made once a request by `#platform/auth`, never changed. */
export interface Identity {
  kind: 'header' | 'oidc' | 'session' | 'api-key' | 'system';
  userId: string;
  displayName: string;
  roles: readonly Role[];
  /** '*': every team (administrators; header mode on loopback without a team: a team of one) */
  teams: readonly string[] | '*';
  project: string | null;
  apiKeyId: string | null;
  /** an API key may be held to routes (names) and environments; null: all */
  routes: readonly string[] | null;
  environments: readonly Environment[] | null;
  sessionId: string | null;
  csrfToken: string | null;
}

/** What rules are asked about: the kind of thing and the fields that policies may match (dotted paths reach into `metadata`). */
export interface Resource {
  type: string;
  [field: string]: unknown;
}

export interface Decision {
  allowed: boolean;
  /** `role`, `policy:<name>#<rule number>`, `team`, `environment`, `api-key` */
  rule: string;
  reason: string;
  remedy: string | null;
}

/**
 * Rows that may be listed. A match is field → accepted values (dotted paths reach into `metadata`): it holds when every field has one
 * of its values, so `{}` holds for every row.
 */
export interface Scope {
  /** whose own rows are seen whatever their team; empty: nobody's (an API key stays in its team) */
  userId: string;
  /** null: every team's */
  teams: readonly string[] | null;
  /** none of these may hold */
  denied: readonly Record<string, unknown>[];
  /** when not null, one of these must hold: the permission comes from policies alone */
  allowed: readonly Record<string, unknown>[] | null;
}

/** What one identity may do, under the policies in force when the request came. */
export interface Access {
  readonly identity: Identity;
  /** Role first, then policies (a deny wins). Pure. */
  decide(permission: Permission, resource?: Resource, environment?: Environment): Decision;
  /** Throws `permission_denied` with rule and remedy; the denial gets its audit entry by the http hook. */
  require(permission: Permission, resource?: Resource, environment?: Environment): void;
  /** May this identity see rows of that team and visibility at all? If not the row answers 404. */
  sees(row: { team: string; visibility: 'team' | 'organization'; createdBy?: string }): boolean;
  /**
   * Which rows of a type may be listed, for a store to turn into SQL.
   */
  scope(permission: Permission, type: string): Scope;
  /** Packed @casl/ability rules for the web. */
  packedRules(): unknown[];
}

export { createAccess } from './access.ts';
export { ownedRows } from './owned.ts';
export { actionsOf, inScope, type PolicyInForce } from './rules.ts';
