import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { render } from '../generate.ts';
import { addressOf, ApiError, createClient } from './index.ts';

interface Seen {
  method: string;
  url: string;
  headers: Record<string, unknown>;
}
const seen: Seen[] = [];
const server = createServer((request, response) => {
  seen.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers });
  const url = new URL(request.url ?? '', 'http://localhost');
  response.setHeader('content-type', 'application/json');
  if (request.method === 'POST') {
    response.statusCode = 400;
    const issues = [{ path: 'version', message: 'Must not be empty.' }];
    const data = { code: 'validation_failed', errorId: 'e-1', issues, remedy: 'Correct the fields.' };
    response.end(JSON.stringify({ status: 'fail', message: 'Not valid.', data }));
    return;
  }
  const page = Number(url.searchParams.get('cursor') ?? 1);
  if (page < 3) response.setHeader('link', `<${url.pathname}?limit=1&cursor=${page + 1}>; rel="next"`);
  response.end(JSON.stringify({ status: 'success', message: 'ok', data: [{ name: `model-${page}` }] }));
});
let baseUrl = '';
before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => server.close());

test('SDK: what the client knows of the routes is what the tables say', async () => {
  const written = await readFile(new URL('routes.ts', import.meta.url), 'utf8');
  const squeeze = (text: string) => text.replaceAll(/\s+/g, ' ').replaceAll(', }', ' }');
  assert.equal(squeeze(written), squeeze(render()), 'run: node sdk/generate.ts');
});

test('SDK: a list answers a page when awaited and every row when iterated', async () => {
  const client = createClient({ baseUrl, headers: { 'x-user-id': 'kim' } });
  assert.deepEqual(await client.listModels({ query: { limit: 1 } }), [{ name: 'model-1' }]);
  const names: string[] = [];
  for await (const model of client.listModels({ query: { limit: 1, status: 'approved' } })) names.push(model.name);
  assert.deepEqual(names, ['model-1', 'model-2', 'model-3']);
  assert.match(seen.at(-1)?.url ?? '', /limit=1&status=approved&cursor=3/);
  assert.equal(seen.at(-1)?.headers['x-user-id'], 'kim');
});

test('SDK: a refusal throws its code, fields, remedy and error id', async () => {
  const client = createClient({ baseUrl: `${baseUrl}/llm-ops/v1/` });
  const body = { name: 'a', version: '', type: 'base' as const, owner_team: 'nlp' };
  await assert.rejects(client.createModel({ body }), (error: unknown) => {
    assert.ok(error instanceof ApiError);
    assert.equal(error.status, 400);
    assert.equal(error.code, 'validation_failed');
    assert.equal(error.errorId, 'e-1');
    assert.deepEqual(error.issues, [{ path: 'version', message: 'Must not be empty.' }]);
    return true;
  });
  assert.equal(seen.at(-1)?.url, '/llm-ops/v1/catalog/models');
  assert.match(String(seen.at(-1)?.headers['idempotency-key']), /^[0-9a-f]{32}$/);
});

test('SDK: a platform that is down is an ApiError too', async () => {
  const client = createClient({ baseUrl: 'http://127.0.0.1:9' });
  await assert.rejects(client.getSession(), { name: 'ApiError', code: 'network_unreachable', status: 0 });
});

test('SDK: parameters are encoded; slashes of paths and route names stay', () => {
  assert.equal(addressOf('getModel', { id: 'a/b' }), '/llm-ops/v1/catalog/models/a%2Fb');
  assert.equal(addressOf('chat', { route: 'team/보고서' }), '/llm-ops/v1/serve/team/%EB%B3%B4%EA%B3%A0%EC%84%9C/chat');
});

test('SDK: a list in a query is its name repeated; what is empty is left out', () => {
  assert.equal(
    addressOf('previewDataset', { id: 'a' }, { filter: ['label:eq:a b', 'note:is_null'], search: '', limit: 5 }),
    '/llm-ops/v1/catalog/datasets/a/preview?filter=label%3Aeq%3Aa+b&filter=note%3Ais_null&limit=5',
  );
});
