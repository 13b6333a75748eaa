import { createHash } from 'node:crypto';
import type * as Jose from 'jose';
import type { JWTPayload, JWTVerifyGetKey } from 'jose';
import { roles as knownRoles, TeamName, type Role } from '@llm-ops/contracts';
import { failure } from '#platform/errors';
import type { OidcOptions } from './options.ts';

/** What the identity provider says about a person. */
export interface Claims {
  userId: string;
  displayName: string;
  roles: Role[];
  teams: string[];
}

export interface BearerVerifier {
  /** Throws `unauthenticated` for a bad token, `sign_in_unavailable` when the provider's keys cannot be had. */
  verify(token: string): Promise<Claims>;
}

const algorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
const clockToleranceSeconds = 30;
const maxKnown = 5_000;

/** Where nobody signs in, nobody needs it. */
const loaded = () => import('jose');

/** JWTs by the issuer's published keys, which are kept; a token seen before is not verified again until it ends. */
export function createBearerVerifier(oidc: OidcOptions, now: () => Date): BearerVerifier {
  let keys: Promise<JWTVerifyGetKey> | null = null;
  const known = new Map<string, { claims: Claims; expiresAt: number }>();

  async function discover(): Promise<JWTVerifyGetKey> {
    const url = `${oidc.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
    const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
    if (!response.ok) throw new Error(`${url} answered ${response.status}`);
    const { issuer, jwks_uri: jwksUri } = (await response.json()) as { issuer?: string; jwks_uri?: string };
    if (issuer !== oidc.issuer) throw new Error(`${url} names the issuer ${issuer}, not ${oidc.issuer}`);
    if (typeof jwksUri !== 'string') throw new Error(`${url} names no jwks_uri`);
    const { createRemoteJWKSet } = await loaded();
    return createRemoteJWKSet(new URL(jwksUri), { timeoutDuration: 10_000 });
  }

  return {
    async verify(token) {
      const id = createHash('sha256').update(token).digest('base64');
      const time = now();
      const seen = known.get(id);
      if (seen && seen.expiresAt > time.getTime()) return seen.claims;
      keys ??= discover();
      const getKey = await keys.catch((cause: unknown) => {
        keys = null;
        throw failure('sign_in_unavailable', { cause });
      });
      const { errors, jwtVerify } = await loaded();
      const payload = await jwtVerify(token, getKey, {
        issuer: oidc.issuer,
        audience: oidc.audience ?? oidc.clientId,
        algorithms,
        clockTolerance: clockToleranceSeconds,
        requiredClaims: ['sub', 'exp'],
        currentDate: time,
      }).then(
        (verified) => verified.payload,
        (cause: unknown) => {
          throw explained(cause, errors);
        },
      );
      const claims = claimsOf(payload, oidc);
      if (known.size >= maxKnown) known.delete(known.keys().next().value!);
      known.set(id, { claims, expiresAt: (payload.exp! + clockToleranceSeconds) * 1000 });
      return claims;
    },
  };
}

function explained(cause: unknown, errors: typeof Jose.errors) {
  const message = cause instanceof Error ? cause.message : '';
  // an unreachable key set is not the caller's fault
  if (cause instanceof errors.JWKSTimeout || !(cause instanceof errors.JOSEError)) {
    return failure('sign_in_unavailable', { cause });
  }
  if (cause instanceof errors.JWTExpired)
    return failure('unauthenticated', { message: 'This token has expired.', cause });
  return failure('unauthenticated', { message: `This token is not accepted: ${message}.`, cause });
}

/** Roles and teams by the configured claims and the map of groups; what is no role of ours is left out. */
export function claimsOf(payload: JWTPayload, oidc: OidcOptions): Claims {
  const groups = words(payload.groups);
  const mapped = groups.flatMap((group) => {
    const map = oidc.groupMap;
    return map && Object.hasOwn(map, group) ? [map[group]!] : [];
  });
  const roles = [...words(at(payload, oidc.rolesClaim ?? 'roles')), ...mapped.flatMap((one) => one.roles ?? [])];
  const claimed = words(at(payload, oidc.teamsClaim ?? 'groups'));
  // a group that the map explains is what the map says, not a team of that name
  const plain = claimed.filter((team) => !(oidc.groupMap && Object.hasOwn(oidc.groupMap, team)));
  const teams = [...plain, ...mapped.flatMap((one) => one.team ?? [])];
  const name = [payload.name, payload.preferred_username, payload.email].find(
    (one) => typeof one === 'string' && one !== '',
  );
  return {
    userId: payload.sub!,
    displayName: (name as string | undefined) ?? payload.sub!,
    roles: knownRoles.filter((role) => roles.includes(role)),
    teams: [...new Set(teams.filter((team) => TeamName.safeParse(team).success))],
  };
}

/** A claim by its whole name (`https://example.org/roles`), else by its path (`realm_access.roles`). */
function at(payload: JWTPayload, path: string): unknown {
  if (Object.hasOwn(payload, path)) return payload[path];
  let value: unknown = payload;
  for (const key of path.split('.')) {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

function words(value: unknown): string[] {
  if (typeof value === 'string') return value.split(/[\s,]+/).filter((one) => one !== '');
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];
}
