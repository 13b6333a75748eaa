import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Endpoint } from '../../contracts/index.ts';
import { startPlatform } from '../journeys/harness.ts';
import { ANSWER, tinyGguf } from '../ports/runtime.model.ts';

/** The whole server with the real local engine, through its public API. */
async function platform(t: { after(work: () => Promise<void>): void }) {
  const settings = { SERVING_DRAIN_SECONDS: '1' };
  let running = await startPlatform(settings);
  t.after(() => running.stop());
  const headers = { 'x-user-id': 'olga', 'x-user-roles': 'admin' };
  async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const form = body instanceof FormData;
    const answer = await fetch(`${running.api}${path}`, {
      method,
      headers: { ...headers, ...(body === undefined || form ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: form ? body : JSON.stringify(body) }),
    });
    const { status, message, data } = (await answer.json()) as { status: string; message: string; data: T };
    assert.equal(status, 'success', `${method} ${path}: ${message} ${JSON.stringify(data)}`);
    return data;
  }
  async function approved(file: Buffer, version: string): Promise<string> {
    const card = { description: 'Says the alphabet.', intended_use: 'tests', license: 'Apache-2.0' };
    const model = { name: 'alphabet', version, type: 'base', owner_team: 'search', metadata: card };
    const { id } = await call<{ id: string }>('POST', '/catalog/models', model);
    const form = new FormData();
    form.append('files', new Blob([new Uint8Array(file)]), 'model.gguf');
    await call('POST', `/catalog/models/${id}/upload`, form);
    await call('PATCH', `/catalog/models/${id}/status`, { status: 'under_review' });
    await call('PATCH', `/catalog/models/${id}/status`, { status: 'approved' });
    return id;
  }
  async function until(id: string, wanted: (endpoint: Endpoint) => boolean): Promise<Endpoint> {
    for (const end = Date.now() + 60_000; ;) {
      const endpoint = await call<Endpoint>('GET', `/serving/endpoints/${id}`);
      if (wanted(endpoint)) return endpoint;
      assert.ok(Date.now() < end, `still ${JSON.stringify(endpoint, null, 1)}\n${running.log.slice(-20).join('\n')}`);
      await sleep(100);
    }
  }
  const chat = async (route: string) => {
    const answer = await fetch(`${running.api}/serve/${route}/chat`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ messages: [{ role: 'user', content: 'go' }], max_tokens: 40, temperature: 0 }),
    });
    return { status: answer.status, text: await answer.text() };
  };
  return {
    call,
    approved,
    until,
    chat,
    dataDir: running.dataDir,
    /** The server dies without a word and is started again on the same data. */
    async killAndStart() {
      await running.kill();
      running = await startPlatform(settings, running.dataDir);
    },
  };
}

test('FR-006, FR-006j, DEP-4: with the real engine: deploy, rollout and rollback under load lose no request; a killed engine comes back', async (t) => {
  const p = await platform(t);
  const modelId = await p.approved(tinyGguf(), '1');
  const { id } = await p.call<Endpoint>('POST', '/serving/endpoints', {
    modelId,
    environment: 'dev',
    route: '/alphabet',
    useGpu: false,
  });
  await p.until(id, ({ status }) => status === 'healthy');
  const said = await p.call<{ ok: boolean; completion: string; latencyMs: number }>(
    'POST',
    `/serving/endpoints/${id}/verify`,
    {},
  );
  assert.equal(said.ok, true);
  assert.equal(said.completion.slice(0, 5), ANSWER.slice(0, 5));
  assert.ok(said.latencyMs < 3_000, 'DEP-6: within 3 s');

  let running = true;
  const answers: { status: number; text: string }[] = [];
  const clients = [1, 2].map(async () => {
    while (running) answers.push(await p.chat('alphabet'));
  });
  await p.call('POST', `/serving/endpoints/${id}/redeploy`, { contextLength: 512 });
  await p.until(id, ({ revision, status }) => revision === 2 && status === 'healthy');
  await p.call('POST', `/serving/endpoints/${id}/rollback`, {});
  await p.until(id, ({ revision, status }) => revision === 3 && status === 'healthy');
  await sleep(2_000);
  running = false;
  await Promise.all(clients);
  assert.deepEqual(answers.filter(({ status }) => status !== 200).slice(0, 3), []);
  assert.ok(answers.length >= 100, `${answers.length} requests`);

  // what cannot be loaded gets no traffic
  const broken = await p.approved(tinyGguf({ architecture: 'unheard-of' }), '2');
  await p.call('POST', `/serving/endpoints/${id}/redeploy`, { modelId: broken });
  const after = await p.until(id, ({ conditions }) => conditions[0]?.type === 'RolloutFailed');
  assert.deepEqual([after.status, after.revision, after.targetRevision, after.version], ['healthy', 3, 3, '1']);
  assert.match(after.conditions[0]!.message, /unheard-of/);
  assert.equal((await p.chat('alphabet')).status, 200);

  // its process is killed
  const folder = join(p.dataDir, 'engines');
  for (const name of await readdir(folder, { recursive: true })) {
    if (!name.endsWith('.json')) continue;
    const { pid } = JSON.parse(await readFile(join(folder, name), 'utf8')) as { pid: number };
    process.kill(pid, 'SIGKILL');
  }
  const down = await p.until(id, ({ status }) => status === 'degraded' || status === 'failed');
  assert.notEqual(down.conditions.length, 0);
  assert.ok(down.conditions.every(({ message, remedy }) => message !== '' && remedy !== ''));
  await p.until(id, ({ status }) => status === 'healthy');
  assert.equal((await p.chat('alphabet')).status, 200);
});

test('FR-006: a server killed in a rollout, in a rollback and in a delete ends each of them when it is back, with one engine left or none', async (t) => {
  const p = await platform(t);
  const modelId = await p.approved(tinyGguf(), '1');
  const wanted = { modelId, environment: 'dev', route: '/killed', useGpu: false };
  const { id } = await p.call<Endpoint>('POST', '/serving/endpoints', wanted);
  await p.killAndStart();
  await p.until(id, ({ status, revision }) => status === 'healthy' && revision === 1);
  await p.call('POST', `/serving/endpoints/${id}/redeploy`, { contextLength: 512 });
  await sleep(300);
  await p.killAndStart();
  await p.until(id, ({ status, revision }) => status === 'healthy' && revision === 2);
  await p.call('POST', `/serving/endpoints/${id}/rollback`, {});
  await sleep(900);
  await p.killAndStart();
  await p.until(id, ({ status, revision }) => status === 'healthy' && revision === 3);
  assert.equal((await p.chat('killed')).status, 200);
  const history = async () =>
    p.call<{ number: number; state: string }[]>('GET', `/serving/endpoints/${id}/deployments`);
  for (let waited = 0; (await history()).filter(({ state }) => state !== 'retired').length > 1; waited += 1) {
    assert.ok(waited < 100, JSON.stringify(await history()));
    await sleep(100);
  }
  const records = async () =>
    (await readdir(join(p.dataDir, 'engines'), { recursive: true })).filter((name) => name.endsWith('.json'));
  assert.equal((await records()).length, 1);
  await p.call('DELETE', `/serving/endpoints/${id}`);
  await p.killAndStart();
  for (let waited = 0; (await p.call<Endpoint[]>('GET', '/serving/endpoints')).length > 0; waited += 1) {
    assert.ok(waited < 150, 'not deleted');
    await sleep(100);
  }
  assert.deepEqual(await records(), []);
});
