import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { provisionPostgres, type PostgresServer } from '../../scripts/provision/postgres.ts';
import { ask, call, people, startPlatform, until, type RunningPlatform } from './harness.ts';
import { externalEndpoint, startProvider, type Provider } from './provider.ts';

let postgres: PostgresServer;
let provider: Provider;
let control: RunningPlatform;
let gateway: RunningPlatform;
before(async () => {
  [postgres, provider] = await Promise.all([provisionPostgres(), startProvider()]);
  const shared = {
    DATABASE_URL: await postgres.createDatabase('roles'),
    SECRETS_KEY: randomBytes(32).toString('base64'),
  };
  control = await startPlatform({ ...shared, ROLES: 'api,worker' });
  gateway = await startPlatform({ ...shared, ROLES: 'gateway' });
});
after(async () => {
  await gateway?.stop();
  await control?.stop();
  provider?.close();
  await postgres?.stop();
});

test('FR-006l, FR-001c: a gateway of its own answers what the control plane set up, and each does its own work alone', async () => {
  await externalEndpoint(control.api, provider, 'apart');
  const chat = (url: string) =>
    fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { ...people.developer, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'apart', messages: [{ role: 'user', content: 'Hello' }] }),
    });
  const answered = await until('the gateway knows the route', async () => {
    const answer = await chat(gateway.url);
    return answer.status === 200 ? answer : null;
  });
  const { choices } = (await answered.json()) as { choices: unknown[] };
  assert.equal(choices.length, 1);
  assert.equal((await chat(control.url)).status, 404);
  assert.equal((await call(gateway.api, people.operator, 'GET', '/serving/routes')).status, 404);
  assert.equal((await fetch(`${gateway.url}/readyz`)).status, 200);
  const requests = await until('it is in the request log', async () => {
    const found = await ask(control.api, people.operator, 'GET', '/observability/requests?route=apart');
    return found.length > 0 ? found : null;
  });
  assert.equal(requests[0].status, 200);
  const view = await ask(control.api, people.admin, 'GET', '/observability/gateway');
  assert.equal(view.gateways.length, 1, 'the control plane is no gateway');

  // the provider's key is rotated: nothing is deployed anew, and a gateway elsewhere uses it at once
  assert.equal(provider.seen.at(-1)?.headers.authorization, 'Bearer sk-journey');
  const { modelId } = (await ask(control.api, people.operator, 'GET', '/serving/endpoints'))[0];
  await ask(control.api, people.researcher, 'PUT', `/catalog/models/${modelId}/key`, { api_key: 'sk-rotated' });
  await until('the gateway uses the new key', async () => {
    await (await chat(gateway.url)).text();
    return provider.seen.at(-1)?.headers.authorization === 'Bearer sk-rotated' ? true : null;
  });
});
