import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { Provider } from 'oidc-provider';
import type { Browser } from 'playwright-core';
import { openBrowser, screenshot } from './browser.ts';
import { startPlatform, until, type RunningPlatform } from './harness.ts';

let provider: { issuer: string; close(): Promise<void> };
let platform: RunningPlatform;
let browser: Browser;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A certified identity provider with its own pages for signing in and consent. */
async function startProvider(productUrl: string) {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const oidc = new Provider(issuer, {
    clients: [
      {
        client_id: 'llm-ops',
        client_secret: 'journey-secret',
        token_endpoint_auth_method: 'client_secret_post',
        redirect_uris: [`${productUrl}/auth/callback`],
        post_logout_redirect_uris: [`${productUrl}/`],
      },
    ],
    pkce: { required: () => true },
    claims: { openid: ['sub'], profile: ['name', 'roles', 'groups'] },
    conformIdTokenClaims: false,
    findAccount: (_context: unknown, id: string) => ({
      accountId: id,
      claims: () => ({ sub: id, name: `${id} Kim`, roles: ['researcher'], groups: ['platform'] }),
    }),
    features: { devInteractions: { enabled: true } },
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

before(async () => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  provider = await startProvider(url);
  platform = await startPlatform({
    PORT: String(port),
    PUBLIC_URL: url,
    IDENTITY_MODE: 'oidc',
    OIDC_ISSUER: provider.issuer,
    OIDC_CLIENT_ID: 'llm-ops',
    OIDC_CLIENT_SECRET: 'journey-secret',
  });
  browser = await openBrowser();
});
after(async () => {
  await browser.close();
  await platform.stop();
  await provider.close();
});

test('identity: sign-in by code and PKCE in a browser, work by session, sign out', async () => {
  const page = await (await browser.newContext()).newPage();
  page.setDefaultTimeout(20_000);
  await page.goto(`${platform.url}/catalog/models`);
  await page.getByRole('link', { name: /sign in/i }).click();
  await page.locator('input[name=login]').fill('ada');
  await page.locator('input[name=password]').fill('any');
  await page.getByRole('button', { name: /sign-in/i }).click();
  await page.getByRole('button', { name: /continue/i }).click();
  await page.waitForURL(`${platform.url}/catalog/models`);
  await page.getByText('ada Kim').first().waitFor();
  await screenshot(page, 'oidc-signed-in');

  const cookies = await page.context().cookies();
  const session = cookies.find((cookie) => cookie.name === 'llmops_session');
  assert.equal(session?.httpOnly, true);
  assert.equal(session?.sameSite, 'Lax');

  // A changing call needs the CSRF token beside the cookie; headers alone are nobody here.
  const cookie = `llmops_session=${session?.value}`;
  const body = JSON.stringify({ name: 'signed-in', version: '1', type: 'base', owner_team: 'platform' });
  const send = (headers: Record<string, string>): Promise<Response> =>
    fetch(`${platform.api}/catalog/models`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json', ...headers },
    });
  assert.equal((await send({ cookie })).status, 403);
  assert.equal((await send({ 'x-user-id': 'root', 'x-user-roles': 'admin' })).status, 401);
  const view = (await (await fetch(`${platform.api}/session`, { headers: { cookie } })).json()) as {
    data: { csrfToken: string; roles: string[]; teams: string[] };
  };
  assert.deepEqual([view.data.roles, view.data.teams], [['researcher'], ['platform']]);
  assert.equal((await send({ cookie, 'x-csrf-token': view.data.csrfToken })).status, 200);

  // A page of another site can make a browser ask for /auth/logout, so it is refused from there; here it is a link of our own.
  await page.getByRole('button', { name: /ada Kim/i }).click();
  await page.getByRole('link', { name: /sign out/i }).click();
  // The provider asks whether its own session shall end too, and leads back to the sign-in screen.
  await page.getByRole('button', { name: /yes, sign me out/i }).click();
  await page.waitForURL(`${platform.url}/`);
  await page.getByRole('link', { name: /sign in/i }).waitFor();
  await until(
    'signed out',
    async () => (await fetch(`${platform.api}/session`, { headers: { cookie } })).status === 401,
    5000,
  );
});
