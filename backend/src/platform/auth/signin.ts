import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Kysely } from 'kysely';
import type { JWTPayload } from 'jose';
import type * as OidcClient from 'openid-client';
import type { Db } from '#platform/db';
import { failure, isFailure } from '#platform/errors';
import { uuidv7 } from '#platform/ids';
import type { Logger } from '#platform/log';
import { claimsOf } from './bearer.ts';
import { cookieOf, sessionCookie, setCookie } from './cookies.ts';
import { sameText } from './headers.ts';
import type { AuthOptions, OidcOptions } from './options.ts';
import { failurePage, returnPath } from './pages.ts';
import { insertAttempt, insertSession, revokeSession, takeAttempt } from './store.ts';
import { hashOf, newToken } from './tokens.ts';

/** `/auth/login?return_to=/path`, `/auth/callback`, `/auth/logout`. */
export interface SignIn {
  /** Answers these three paths (redirects; a small page on failure); false for any other, which it leaves alone. */
  handle(request: IncomingMessage, response: ServerResponse): Promise<boolean>;
}

const attemptCookie = 'llmops_login';
const attemptSeconds = 900;

/** Where nobody signs in, nobody needs it. */
const loaded = () => import('openid-client');

/** Authorization code + PKCE. `onChange`: called after a session was made or revoked, before the browser goes on. */
export function createSignIn(deps: {
  config: AuthOptions & { oidc: OidcOptions };
  db: Pick<Db, 'kysely'>;
  log: Logger;
  onChange: () => Promise<void>;
}): SignIn {
  const { log } = deps;
  const { oidc, sessionHours = 12 } = deps.config;
  const kysely = deps.db.kysely as unknown as Kysely<unknown>;
  const publicUrl = new URL(deps.config.publicUrl);
  const secure = publicUrl.protocol === 'https:';
  const redirectUri = new URL('/auth/callback', publicUrl).href;
  let provider: Promise<OidcClient.Configuration> | null = null;

  async function discovered(): Promise<OidcClient.Configuration> {
    const oidcClient = await loaded();
    const issuer = new URL(oidc.issuer);
    const authentication = oidc.clientSecret ? oidcClient.ClientSecretPost(oidc.clientSecret) : oidcClient.None();
    // a provider without TLS: for development; the operator chose it
    const execute = issuer.protocol === 'http:' ? [oidcClient.allowInsecureRequests] : [];
    provider ??= oidcClient.discovery(issuer, oidc.clientId, undefined, authentication, { execute, timeout: 10 });
    return provider.catch((cause: unknown) => {
      provider = null;
      throw failure('sign_in_unavailable', { cause });
    });
  }

  async function login(url: URL, response: ServerResponse): Promise<void> {
    const config = await discovered();
    const oidcClient = await loaded();
    const attempt = {
      state: oidcClient.randomState(),
      nonce: oidcClient.randomNonce(),
      verifier: oidcClient.randomPKCECodeVerifier(),
      return_to: returnPath(url.searchParams.get('return_to'), publicUrl),
    };
    await insertAttempt(kysely, attempt);
    const target = oidcClient.buildAuthorizationUrl(config, {
      redirect_uri: redirectUri,
      scope: 'openid profile email',
      code_challenge: await oidcClient.calculatePKCECodeChallenge(attempt.verifier),
      code_challenge_method: 'S256',
      state: attempt.state,
      nonce: attempt.nonce,
    });
    // only the browser that began may end it: else somebody could be signed in as somebody else
    const bound = setCookie(attempt.state, {
      name: attemptCookie,
      path: '/auth',
      secure,
      maxAgeSeconds: attemptSeconds,
    });
    redirect(response, target.href, [bound]);
  }

  async function callback(url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const state = url.searchParams.get('state') ?? '';
    const bound = cookieOf(request, attemptCookie);
    if (bound === null || !sameText(bound, state)) {
      throw failure('sign_in_failed', { message: 'This sign-in was not begun in this browser, or too long ago.' });
    }
    const attempt = await takeAttempt(kysely, state);
    if (!attempt) throw failure('sign_in_failed', { message: 'This sign-in was used already, or begun too long ago.' });
    const oidcClient = await loaded();
    const tokens = await oidcClient
      .authorizationCodeGrant(await discovered(), new URL(url.pathname + url.search, publicUrl), {
        pkceCodeVerifier: attempt.verifier,
        expectedState: attempt.state,
        expectedNonce: attempt.nonce,
        idTokenExpected: true,
      })
      .catch((cause: unknown) => {
        throw isFailure(cause) ? cause : failure('sign_in_failed', { cause });
      });
    const claims = claimsOf(await describe(tokens), oidc);
    const token = newToken();
    const session = {
      id: uuidv7(),
      hash: hashOf(token),
      user_id: claims.userId,
      display_name: claims.displayName,
      roles: claims.roles,
      teams: claims.teams,
      csrf_token: newToken(),
    };
    await insertSession(kysely, session, sessionHours);
    await deps.onChange();
    log.info({ userId: claims.userId, sessionId: session.id }, 'signed in');
    redirect(response, attempt.return_to, [
      setCookie(token, { secure, maxAgeSeconds: Math.round(sessionHours * 3600) }),
      setCookie('', { name: attemptCookie, path: '/auth', secure, maxAgeSeconds: 0 }),
    ]);
  }

  /** Some providers put groups into the ID token, others only into the answer of the userinfo endpoint. */
  async function describe(tokens: Awaited<ReturnType<typeof OidcClient.authorizationCodeGrant>>): Promise<JWTPayload> {
    const claims = tokens.claims()!;
    const said = claimsOf(claims, oidc);
    if (said.roles.length > 0 || said.teams.length > 0) return claims;
    const oidcClient = await loaded();
    const more = await oidcClient
      .fetchUserInfo(await discovered(), tokens.access_token, claims.sub)
      .catch((error: Error) => {
        log.debug({ reason: error.message }, 'the identity provider tells no more about this person');
        return {};
      });
    return { ...more, ...claims };
  }

  async function logout(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.headers['sec-fetch-site'] === 'cross-site') throw failure('request_origin_refused');
    const token = sessionCookie(request);
    if (token !== null) {
      await revokeSession(kysely, hashOf(token));
      await deps.onChange();
    }
    const gone = setCookie('', { secure, maxAgeSeconds: 0 });
    const home = new URL('/', publicUrl).href;
    // signing out here must work without the provider too
    const config = await discovered().catch(() => null);
    const there = config?.serverMetadata().end_session_endpoint
      ? (await loaded()).buildEndSessionUrl(config, { post_logout_redirect_uri: home }).href
      : home;
    redirect(response, there, [gone]);
  }

  return {
    async handle(request, response) {
      if (!URL.canParse(request.url ?? '/', publicUrl.href)) return false;
      const url = new URL(request.url ?? '/', publicUrl);
      const action = /^\/auth\/(login|callback|logout)$/.exec(url.pathname)?.[1];
      if (action === undefined) return false;
      const allowed = action === 'logout' ? ['GET', 'POST'] : ['GET'];
      try {
        if (!allowed.includes(request.method ?? '')) {
          throw failure('method_not_allowed', { headers: { allow: allowed.join(', ') } });
        }
        if (action === 'login') await login(url, response);
        else if (action === 'callback') await callback(url, request, response);
        else await logout(request, response);
      } catch (error) {
        const told = isFailure(error) ? error : failure('internal', { cause: error });
        log.warn({ err: told.cause ?? told, code: told.code, action }, 'sign-in did not succeed');
        failurePage(response, told);
      }
      return true;
    },
  };
}

function redirect(response: ServerResponse, location: string, cookies: string[]): void {
  response.writeHead(302, {
    location,
    'set-cookie': cookies,
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
  });
  response.end();
}
