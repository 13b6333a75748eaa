import type { RequestHead } from './headers.ts';
import type { Socket } from 'node:net';
import { timingSafeEqual } from 'node:crypto';
import type { Kysely } from 'kysely';
import { roles as everyRole, type Role } from '@llm-ops/contracts';
import { createAccess, type Access, type Identity, type PolicyInForce } from '#platform/access';
import type { Db } from '#platform/db';
import { failure } from '#platform/errors';
import type { Kept } from '#platform/kept';
import type { Logger } from '#platform/log';
import { createBearerVerifier, type Claims } from './bearer.ts';
import { sessionCookie } from './cookies.ts';
import { createTrust, hasIdentityHeaders, readHeaders, sameText } from './headers.ts';
import type { AuthOptions } from './options.ts';
import { createSnapshot } from './snapshot.ts';
import { markUsed, type IdentityRows, type KeyRow, type SessionRow } from './store.ts';
import { hashOf, keyPrefix } from './tokens.ts';

export type { AuthOptions } from './options.ts';
export { createSignIn, type SignIn } from './signin.ts';
export { newApiKey } from './tokens.ts';
export { sessionView } from './view.ts';

export interface Authenticator {
  /**
   * Who asks; null when the request carries no credentials. Judged by what is in memory, at most 2 s old (a revocation holds within
   * 5 s). Throws `unauthenticated` for wrong credentials, `validation_failed` for malformed identity headers, `csrf_token_invalid` for
   * an unsafe request by cookie, `sign_in_unavailable`.
   */
  authenticate(request: RequestHead): Promise<Identity | null>;
  /** The same, at once where it is known in memory: throws or rejects. */
  identify(request: RequestHead): Identity | null | Promise<Identity | null>;
  /** What this identity may do under the policies in force now. */
  createAccessFor(identity: Identity): Access;
  /** Policies in force; the same array while they are the same. */
  policies(): readonly PolicyInForce[];
  /** `limits` of an API key as it was made. */
  limitsOf(apiKeyId: string): KeyRow['limits'];
  /** Reads keys, sessions, memberships and policies now. */
  refresh(): Promise<void>;
  /** ms since they were read: grows while the database is away. */
  ageMs(): number;
  close(): Promise<void>;
}

/** What a connection sent last. */
interface SentKey {
  bytes: Buffer;
  hash: Buffer;
  hex: string;
}

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);
const flushMs = 15_000;

/** Reads the snapshot first: throws `database_unavailable`, unless there is a `kept` one. */
export async function createAuthenticator(deps: {
  config: AuthOptions;
  db: Pick<Db, 'kysely' | 'listen'>;
  log: Logger;
  kept?: Kept<IdentityRows>;
  now?: () => Date;
}): Promise<Authenticator> {
  const { config, db, log } = deps;
  const now = deps.now ?? (() => new Date());
  const trust = createTrust(config.trustedProxies ?? [], config.proxySharedSecret);
  const headerMode = config.mode !== 'oidc';
  const bearer = config.mode !== 'header' && config.oidc ? createBearerVerifier(config.oidc, now) : null;
  const snapshot = await createSnapshot({ db, log, kept: deps.kept });
  const used = new Map<string, Date>();
  const sent = new WeakMap<Socket, SentKey>();

  const flush = async () => {
    const batch = [...used].map(([id, at]) => ({ id, at }));
    used.clear();
    await markUsed(db.kysely as unknown as Kysely<unknown>, batch).catch((error: Error) => {
      log.debug({ reason: error.message }, 'could not note the use of API keys');
    });
  };
  const timer = setInterval(() => void flush(), flushMs).unref();

  /** What nobody here knows may be newer than what is in memory. */
  async function known<T>(look: () => T | undefined): Promise<T | undefined> {
    const first = look();
    if (first !== undefined) return first;
    await snapshot.lookAgain();
    return look();
  }

  /** A connection mostly sends the same key again: its hash is kept beside it. */
  function sentBy({ socket }: RequestHead, token: string): SentKey {
    const bytes = Buffer.from(token, 'latin1');
    const before = sent.get(socket);
    // behind a proxy others may have sent what came before: how long this takes must not tell of it
    if (before?.bytes.length === bytes.length && timingSafeEqual(before.bytes, bytes)) return before;
    const hash = hashOf(token);
    const made = { bytes, hash, hex: hash.toString('hex') };
    sent.set(socket, made);
    return made;
  }

  function byKey(request: RequestHead, token: string): Identity | Promise<Identity> {
    const key = sentBy(request, token);
    const row = snapshot.key(key.hex);
    if (row !== undefined) return holderOf(row, key);
    return known(() => snapshot.key(key.hex)).then((found) => holderOf(found, key));
  }

  function holderOf(row: KeyRow | undefined, { hash }: SentKey): Identity {
    const at = now();
    if (!row || !timingSafeEqual(row.hash, hash) || (row.expires_at && row.expires_at <= at)) {
      throw failure('unauthenticated', { message: 'This API key is unknown, expired or revoked.' });
    }
    used.set(row.id, at);
    return identityOfKey(row);
  }

  async function bySession(token: string, request: RequestHead): Promise<Identity | null> {
    const hash = hashOf(token);
    const row = await known(() => snapshot.session(hash.toString('hex')));
    // a browser cannot help sending an old cookie: it counts as none, so that the way to sign in stays open
    if (!row || !timingSafeEqual(row.hash, hash) || row.expires_at <= now()) return null;
    const csrf = request.headers['x-csrf-token'];
    if (!safeMethods.has(request.method ?? '') && !(typeof csrf === 'string' && sameText(csrf, row.csrf_token))) {
      throw failure('csrf_token_invalid');
    }
    return { ...person('session', claimsOfSession(row)), sessionId: row.id, csrfToken: row.csrf_token };
  }

  function byHeaders(request: RequestHead): Identity {
    const claims = readHeaders(request);
    const { userId } = claims;
    const members = snapshot.memberships(userId);
    const inTeams = members.filter(({ team }) => claims.teams === null || claims.teams.includes(team));
    const roles = claims.roles ?? inTeams.flatMap((member) => member.roles);
    // a team of one: somebody at their own machine
    const everyTeam = roles.includes('admin') || (claims.teams === null && trust.isLocal(request));
    return {
      ...anonymous,
      kind: 'header',
      userId,
      displayName: userId,
      roles: ordered(roles),
      teams: everyTeam ? '*' : (claims.teams ?? members.map(({ team }) => team)),
    };
  }

  function person(kind: 'oidc' | 'session', claims: Claims): Identity {
    const members = snapshot.memberships(claims.userId);
    const roles = ordered([...claims.roles, ...members.flatMap((member) => member.roles)]);
    const teams = [...new Set([...claims.teams, ...members.map(({ team }) => team)])];
    const { userId, displayName } = claims;
    return { ...anonymous, kind, userId, displayName, roles, teams: roles.includes('admin') ? '*' : teams };
  }

  async function otherwise(request: RequestHead, token: string | null): Promise<Identity | null> {
    const headers = headerMode && hasIdentityHeaders(request);
    // programs made for OpenAI always send some token; where people are named by headers it means nothing
    if (token !== null && bearer) return person('oidc', await bearer.verify(token));
    if (token !== null && !headers) {
      throw failure('unauthenticated', { message: 'This bearer token is not an API key of ours.' });
    }
    const cookie = sessionCookie(request);
    if (cookie !== null && !headers) return bySession(cookie, request);
    if (!headers) return null;
    if (!trust.believes(request)) {
      throw failure('unauthenticated', {
        message: 'Identity headers are not accepted from this address.',
        remedy: 'Use an API key or sign in; a proxy must be named in TRUSTED_PROXIES or send PROXY_SHARED_SECRET.',
      });
    }
    return byHeaders(request);
  }

  function identify(request: RequestHead): Identity | null | Promise<Identity | null> {
    const token = bearerToken(request);
    return token?.startsWith(keyPrefix) ? byKey(request, token) : otherwise(request, token);
  }

  return {
    authenticate: async (request) => identify(request),
    identify,
    createAccessFor: (identity) => createAccess(identity, snapshot.policies()),
    policies: snapshot.policies,
    limitsOf: (apiKeyId) => snapshot.keyById(apiKeyId)?.limits ?? null,
    refresh: snapshot.refresh,
    ageMs: snapshot.ageMs,
    async close() {
      clearInterval(timer);
      await flush();
      await snapshot.close();
    },
  };
}

const anonymous = {
  project: null,
  apiKeyId: null,
  routes: null,
  environments: null,
  sessionId: null,
  csrfToken: null,
} as const;

const identities = new WeakMap<KeyRow, Identity>();

/** A key acts for whoever made it, so that four eyes stay four. The same object as long as the key is not read again. */
function identityOfKey(row: KeyRow): Identity {
  const known = identities.get(row);
  if (known !== undefined) return known;
  const made: Identity = {
    ...anonymous,
    kind: 'api-key',
    userId: row.created_by,
    displayName: row.name,
    roles: row.roles,
    teams: [row.team],
    project: row.project,
    apiKeyId: row.id,
    routes: row.routes,
    environments: row.environments,
  };
  identities.set(row, made);
  return made;
}

const claimsOfSession = (row: SessionRow): Claims => ({
  userId: row.user_id,
  displayName: row.display_name,
  roles: row.roles,
  teams: row.teams,
});

const ordered = (held: readonly Role[]) => everyRole.filter((role) => held.includes(role));

function bearerToken(request: RequestHead): string | null {
  const header = request.headers.authorization;
  if (header === undefined) return null;
  const token = /^Bearer +([!-~]{1,8192}) *$/i.exec(header)?.[1];
  if (token === undefined) {
    throw failure('unauthenticated', { message: 'The Authorization header is not "Bearer <token>".' });
  }
  return token;
}
