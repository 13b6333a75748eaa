import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { generateKeyPair, SignJWT, type JWTPayload } from 'jose';
import { Provider } from 'oidc-provider';
import {
  createAuthenticator,
  createSignIn,
  sessionView,
  type Authenticator,
  type AuthOptions,
  type SignIn,
} from '../../backend/src/platform/auth/index.ts';
import { isFailure, type Failure } from '../../backend/src/platform/errors/index.ts';
import { eventually, openWorld, type World } from './world.ts';

const audience = 'urn:llm-ops';
let world: World;
let provider: Awaited<ReturnType<typeof startProvider>>;
let product: Awaited<ReturnType<typeof startProduct>>;

/** The certified provider, with its own development pages for signing in and consent. */
async function startProvider(productUrl: string) {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const oidc = new Provider(issuer, {
    clients: [
      {
        client_id: 'llm-ops',
        client_secret: 'client-secret-canary',
        token_endpoint_auth_method: 'client_secret_post',
        grant_types: ['authorization_code', 'client_credentials'],
        redirect_uris: [`${productUrl}/auth/callback`],
        post_logout_redirect_uris: [`${productUrl}/`],
      },
    ],
    pkce: { required: () => true },
    claims: { openid: ['sub'], profile: ['name', 'roles', 'groups'], email: ['email'] },
    conformIdTokenClaims: false,
    findAccount: (_context: unknown, id: string) => ({
      accountId: id,
      claims: () => ({
        sub: id,
        name: `${id} Kim`,
        roles: ['developer', 'not-a-role'],
        groups: ['nlp', 'reviewers', '<bad>'],
      }),
    }),
    features: {
      devInteractions: { enabled: true },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => audience,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({ scope: 'api', audience, accessTokenFormat: 'jwt', accessTokenTTL: 3600 }),
      },
    },
    extraTokenClaims: () => ({ roles: ['ml-engineer'], groups: ['nlp'] }),
    cookies: { keys: ['for tests'] },
  } as never);
  server.on('request', oidc.callback());
  return {
    issuer,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The sign-in paths and one that answers who asks. */
async function startProduct() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let parts: { authenticator: Authenticator; signIn: SignIn } | null = null;
  server.on('request', async (request: IncomingMessage, response: ServerResponse) => {
    if (await parts!.signIn.handle(request, response)) return;
    const { authenticator } = parts!;
    try {
      const identity = await authenticator.authenticate(request);
      const view = identity && sessionView(identity, authenticator.createAccessFor(identity));
      response.writeHead(identity ? 200 : 401).end(JSON.stringify(view));
    } catch (error) {
      const { status, code, message } = (
        isFailure(error) ? error : { status: 500, code: 'internal', message: String(error) }
      ) as Failure;
      response.writeHead(status).end(JSON.stringify({ code, message }));
    }
  });
  return {
    url,
    options: (issuer: string): AuthOptions & { oidc: NonNullable<AuthOptions['oidc']> } => ({
      mode: 'oidc',
      publicUrl: url,
      oidc: {
        issuer,
        clientId: 'llm-ops',
        clientSecret: 'client-secret-canary',
        audience,
        groupMap: { reviewers: { team: 'quality', roles: ['reviewer'] } },
      },
    }),
    async use(config: AuthOptions & { oidc: NonNullable<AuthOptions['oidc']> }) {
      const authenticator = await createAuthenticator({ config, db: world.db, log: world.log });
      const signIn = createSignIn({ config, db: world.db, log: world.log, onChange: authenticator.refresh });
      parts = { authenticator, signIn };
      return authenticator;
    },
    async close() {
      await parts?.authenticator.close();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A browser without a screen: cookies by host and path, redirects by hand, forms by their fields. */
function createBrowser() {
  const jar = new Map<string, { value: string; path: string; host: string }>();
  async function go(
    url: string,
    form?: Record<string, string>,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const { host, pathname } = new URL(url);
    const cookies = [...jar].filter(([, one]) => one.host === host && pathname.startsWith(one.path));
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { cookie: cookies.map(([key, { value }]) => `${key.split('|')[1]}=${value}`).join('; '), ...headers },
      ...(form ? { method: 'POST', body: new URLSearchParams(form) } : {}),
    });
    for (const line of response.headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split('; ');
      const [name = '', value = ''] = pair.split(/=(.*)/s);
      const path = attributes.find((one) => /^path=/i.test(one))?.slice(5) ?? '/';
      const gone = value === '' || attributes.some((one) => /^(max-age=0|expires=Thu, 01 Jan 1970)/i.test(one));
      if (gone) jar.delete(`${host}${path}|${name}`);
      else jar.set(`${host}${path}|${name}`, { value, path, host });
    }
    return response;
  }
  /** Signs in as somebody and consents; the answer that the product's callback gives. */
  async function signIn(login: string, returnTo = '/catalog/models?type=base'): Promise<Response> {
    let url = `${product.url}/auth/login?return_to=${encodeURIComponent(returnTo)}`;
    let form: Record<string, string> | undefined;
    for (let step = 0; step < 12; step += 1) {
      const response = await go(url, form);
      if (url.startsWith(`${product.url}/auth/callback`)) return response;
      const location = response.headers.get('location');
      form = undefined;
      if (location) {
        url = new URL(location, url).href;
        continue;
      }
      const page = await response.text();
      const action = /<form[^>]+action="([^"]+)"/.exec(page)?.[1];
      assert.ok(action, page.slice(0, 500));
      const prompt = /name="prompt" value="([^"]+)"/.exec(page)?.[1] ?? '';
      form = prompt === 'login' ? { prompt, login, password: 'any' } : { prompt };
      url = new URL(action, url).href;
    }
    throw new Error('the sign-in does not end');
  }
  const cookie = (name: string) => [...jar].find(([key]) => key.endsWith(`|${name}`))?.[1].value;
  return { go, signIn, cookie, jar };
}

before(async () => {
  world = await openWorld();
  product = await startProduct();
  provider = await startProvider(product.url);
  await product.use(product.options(provider.issuer));
});
after(async () => {
  await product.close();
  await provider.close();
  await world.close();
});

test('ID: a person signs in with code and PKCE, is who the provider says, and comes back where they were', async () => {
  const browser = createBrowser();
  const back = await browser.signIn('ada');
  assert.equal(back.status, 302, await back.clone().text());
  assert.equal(back.headers.get('location'), '/catalog/models?type=base');
  const set = back.headers.getSetCookie().find((line) => line.startsWith('llmops_session='))!;
  assert.match(set, /HttpOnly; SameSite=Lax/);
  const session = await (await browser.go(`${product.url}/session`)).json();
  assert.deepEqual(
    [session.userId, session.displayName, session.kind, session.roles, session.teams],
    ['ada', 'ada Kim', 'session', ['developer', 'reviewer'], ['nlp', 'quality']],
  );
  assert.ok(session.permissions.includes('model:approve') && session.rules.length > 0);
  assert.deepEqual(session.deployableEnvironments, ['dev']);
  const { rows } = await world.db.pool.query(`select encode(hash, 'hex') as hash from web_session`);
  assert.ok(!JSON.stringify(rows).includes(browser.cookie('llmops_session')!));
});

test('ID: what changes something needs the session’s CSRF token', async () => {
  const browser = createBrowser();
  await browser.signIn('ada');
  const { csrfToken } = await (await browser.go(`${product.url}/session`)).json();
  assert.equal((await browser.go(`${product.url}/x`, {})).status, 403);
  assert.equal((await browser.go(`${product.url}/x`, {}, { 'x-csrf-token': 'guess' })).status, 403);
  assert.equal((await browser.go(`${product.url}/x`, {}, { 'x-csrf-token': csrfToken })).status, 200);
});

test('ID: signing out ends the session here and at the provider, and clears the cookie', async () => {
  const browser = createBrowser();
  await browser.signIn('ada');
  const kept = browser.cookie('llmops_session')!;
  const cross = await browser.go(`${product.url}/auth/logout`, undefined, { 'sec-fetch-site': 'cross-site' });
  assert.equal(cross.status, 403);
  const out = await browser.go(`${product.url}/auth/logout`);
  assert.match(out.headers.get('location') ?? '', new RegExp(`^${provider.issuer}/session/end\\?`));
  assert.equal(browser.cookie('llmops_session'), undefined);
  const stolen = await fetch(`${product.url}/session`, { headers: { cookie: `llmops_session=${kept}` } });
  assert.equal(stolen.status, 401);
});

test('ID: a session revoked in the database is refused within 5 s', async () => {
  const browser = createBrowser();
  await browser.signIn('bob');
  assert.equal((await browser.go(`${product.url}/session`)).status, 200);
  const since = Date.now();
  await world.db.pool.query(`update web_session set revoked_at = now() where user_id = 'bob'`);
  await eventually(async () => (await browser.go(`${product.url}/session`)).status === 401);
  assert.ok(Date.now() - since < 5_000);
});

test('SEC: a callback works once, in the browser that began it, with its state', async () => {
  const victim = createBrowser();
  const attacker = createBrowser();
  const begun = await attacker.go(`${product.url}/auth/login`);
  const state = new URL(begun.headers.get('location')!).searchParams.get('state')!;
  const forced = await victim.go(`${product.url}/auth/callback?code=x&state=${state}`);
  assert.deepEqual([forced.status, forced.headers.getSetCookie()], [401, []]);
  assert.match(await forced.text(), /not begun in this browser/);
  const wrong = await attacker.go(
    `${product.url}/auth/callback?code=x&state=${state}&iss=${encodeURIComponent(provider.issuer)}`,
  );
  assert.equal(wrong.status, 401);
  const again = await attacker.go(`${product.url}/auth/callback?code=x&state=${state}`);
  assert.match(await again.text(), /used already/);
  const evil = await attacker.go(`${product.url}/auth/callback?error=<script>alert(1)</script>&state=x`);
  assert.ok(!(await evil.text()).includes('<script>'));
  assert.equal((await attacker.go(`${product.url}/auth/login`, {})).status, 405);
});

test('SEC: people are never sent to another place after signing in', async () => {
  const browser = createBrowser();
  const hostile = [
    'https://evil.example/',
    '//evil.example/',
    '/\\evil.example',
    '\\\\evil.example',
    '/\t/evil.example',
    'javascript:alert(1)',
    '/%09/evil.example',
    '/..//evil.example',
    '/auth/logout',
    '/\u0000',
    'data:text/html,x',
    '///evil.example',
    '',
    '/a\r\nset-cookie: x=1',
  ];
  for (const value of hostile) {
    await browser.go(`${product.url}/auth/login?return_to=${encodeURIComponent(value)}`);
  }
  const { rows } = await world.db.pool.query('select return_to from login_attempt');
  for (const { return_to: to } of rows) {
    assert.equal(new URL(to, product.url).origin, product.url, to);
    assert.ok(!to.startsWith('/auth/') && !to.includes('\n'), to);
  }
  assert.ok(rows.some(({ return_to: to }) => to === '/'));
});

test('ID: a bearer token of the provider is believed by issuer, audience, signature and time', async () => {
  const answer = await fetch(`${provider.issuer}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: 'llm-ops',
      client_secret: 'client-secret-canary',
      scope: 'api',
      resource: audience,
    }),
  });
  const { access_token: token } = (await answer.json()) as { access_token: string };
  const ask = async (bearer: string) => {
    const response = await fetch(`${product.url}/session`, { headers: { authorization: `Bearer ${bearer}` } });
    return { status: response.status, data: (await response.json()) as any };
  };
  const good = await ask(token);
  assert.deepEqual(
    [good.status, good.data.kind, good.data.roles, good.data.teams],
    [200, 'oidc', ['ml-engineer'], ['nlp']],
  );
  const middle = Math.floor(token.length - 40);
  assert.equal(
    (await ask(`${token.slice(0, middle)}${token[middle] === 'A' ? 'B' : 'A'}${token.slice(middle + 1)}`)).status,
    401,
  );
  const claims: JWTPayload = { sub: 'mallory', roles: ['admin'], iss: provider.issuer, aud: audience };
  const { privateKey } = await generateKeyPair('RS256');
  const [header, payload] = token.split('.') as [string, string];
  const kid = JSON.parse(Buffer.from(header, 'base64url').toString()).kid as string;
  const forged = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'RS256', kid })
    .setExpirationTime('1h')
    .sign(privateKey);
  assert.equal((await ask(forged)).status, 401);
  const confused = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256', kid })
    .setExpirationTime('1h')
    .sign(Buffer.from('client-secret-canary'));
  assert.equal((await ask(confused)).status, 401);
  assert.equal((await ask(`${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`)).status, 401);
});

test('ID: tokens of another audience or issuer, and old ones, are refused; clocks may differ by 30 s', async () => {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const { exportJWK } = await import('jose');
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256' };
  const idp = createServer((request, response) => {
    const issuer = `http://${request.headers.host}`;
    const document = request.url === '/jwks' ? { keys: [jwk] } : { issuer, jwks_uri: `${issuer}/jwks` };
    response.setHeader('content-type', 'application/json').end(JSON.stringify(document));
  }).listen(0, '127.0.0.1');
  await once(idp, 'listening');
  const issuer = `http://127.0.0.1:${(idp.address() as AddressInfo).port}`;
  const config = product.options(issuer);
  const authenticator = await createAuthenticator({ config, db: world.db, log: world.log });
  try {
    const now = Math.floor(Date.now() / 1000);
    const ask = async (over: JWTPayload) => {
      const claims = { sub: 'ada', iss: issuer, aud: audience, exp: now + 60, ...over };
      const token = await new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'k' }).sign(privateKey);
      const request = { headers: { authorization: `Bearer ${token}` }, method: 'GET' } as IncomingMessage;
      return authenticator.authenticate(request).then(
        (identity) => identity?.userId,
        (error: unknown) => (isFailure(error) ? error.code : error),
      );
    };
    assert.equal(await ask({}), 'ada');
    assert.equal(await ask({ exp: now - 20 }), 'ada');
    assert.equal(await ask({ nbf: now + 20 }), 'ada');
    assert.equal(await ask({ exp: now - 40 }), 'unauthenticated');
    assert.equal(await ask({ nbf: now + 60 }), 'unauthenticated');
    assert.equal(await ask({ aud: 'another' }), 'unauthenticated');
    assert.equal(await ask({ iss: 'http://evil.example' }), 'unauthenticated');
    assert.equal(await ask({ sub: undefined }), 'unauthenticated');
    assert.equal(await ask({ exp: undefined }), 'unauthenticated');
  } finally {
    await authenticator.close();
    idp.closeAllConnections();
    idp.close();
  }
});

test('ID: a provider that is away answers 503, nobody’s token is called wrong for it, and sessions go on', async () => {
  const browser = createBrowser();
  await browser.signIn('ada');
  const config = product.options('http://127.0.0.1:9');
  const authenticator = await createAuthenticator({ config, db: world.db, log: world.log });
  try {
    const request = { headers: { authorization: 'Bearer a.b.c' }, method: 'GET' } as IncomingMessage;
    await assert.rejects(authenticator.authenticate(request), (error) => isFailure(error, 'sign_in_unavailable'));
    const cookie = `llmops_session=${browser.cookie('llmops_session')}`;
    const mine = await authenticator.authenticate({ headers: { cookie }, method: 'GET' } as IncomingMessage);
    assert.equal(mine?.userId, 'ada');
  } finally {
    await authenticator.close();
  }
});

test('SEC: no secret of the sign-in is logged', () => {
  assert.ok(!world.logged.join('').includes('client-secret-canary'));
});
