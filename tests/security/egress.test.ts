import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { pino } from 'pino';
import { request } from 'undici';
import { createEgress, type Egress } from '../../backend/src/platform/egress/index.ts';
import { isFailure, type ErrorCode } from '../../backend/src/platform/errors/index.ts';
import { loopbackUrls, neverUrls, privateUrls, publicUrls } from '../corpora/urls.ts';
import { serve } from './world.ts';

const log = pino({ level: 'silent' });
const is = (code: ErrorCode) => (error: unknown) => isFailure(error, code);
const make = (over: Partial<Parameters<typeof createEgress>[0]> = {}) =>
  createEgress({ allow: [], allowLoopback: false, log, ...over });

let here: Awaited<ReturnType<typeof serve>>;
let there: Awaited<ReturnType<typeof serve>>;
let local: Egress;
let asked: { path: string; method: string; headers: NodeJS.Dict<string | string[]>; body: string }[] = [];

before(async () => {
  const answer: Parameters<typeof serve>[0] = (incoming, response) => {
    const url = new URL(incoming.url ?? '/', 'http://x');
    const to = url.searchParams.get('to');
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk) => chunks.push(chunk));
    incoming.on('end', async () => {
      const { method = '', headers } = incoming;
      asked.push({ path: url.pathname, method, headers, body: Buffer.concat(chunks).toString() });
      if (to !== null) response.writeHead(Number(url.searchParams.get('status') ?? 302), { location: to }).end();
      else if (url.pathname === '/slow') await sleep(2_000).then(() => response.end('late'));
      else if (url.pathname === '/large') response.end(Buffer.alloc(100_000));
      else if (url.pathname === '/bomb') {
        response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(5_000_000)));
      } else response.end('hello');
    });
  };
  here = await serve(answer);
  there = await serve(answer);
  local = make({ allowLoopback: true });
});
after(async () => {
  await local.close();
  await here.close();
  await there.close();
});

test('SEC: link-local, metadata, multicast, unspecified and malformed addresses are refused always', async () => {
  assert.ok(neverUrls.length + loopbackUrls.length + privateUrls.length >= 80);
  const open = make({ allow: ['*', '*.*', '0.0.0.0/0', '::/0'], allowLoopback: true });
  for (const url of neverUrls) {
    for (const egress of [make(), open]) {
      await assert.rejects(egress.check(url), is('egress_refused'), url);
      await assert.rejects(egress.fetch(url), is('egress_refused'), url);
    }
  }
});

test('SEC: loopback is refused in every spelling unless allowed', async () => {
  for (const url of loopbackUrls) {
    await assert.rejects(make().check(url), is('egress_refused'), url);
    await local.check(url);
  }
});

test('SEC: private addresses are refused unless the allow-list names their host or network; public ones are not', async () => {
  const named = make({
    allow: ['10.0.0.0/8', '172.16.0.0/12', '192.0.0.0/8', '100.64.0.0/10', '198.0.0.0/8', '203.0.113.0/24', 'fc00::/7'],
  });
  for (const url of privateUrls) {
    await assert.rejects(make().check(url), is('egress_refused'), url);
    await assert.rejects(local.check(url), is('egress_refused'), url);
  }
  await named.check('http://10.1.2.3/');
  await named.check('http://[fd00::1]/');
  await assert.rejects(named.check('http://[2001:db8::1]/'), is('egress_refused'));
  await make({ allow: ['192.168.1.7', '[fd00::7]'] }).check('http://192.168.1.7:11434/');
  for (const url of publicUrls) await make().check(url);
});

test('SEC: host globs allow private addresses by name, whole labels only', async () => {
  const resolve = async () => [{ address: '10.0.0.9', family: 4 }];
  const egress = make({ allow: ['ollama', '*.svc.cluster.local'], resolve });
  await egress.check('http://ollama:11434/');
  await egress.check('http://OLLAMA./');
  await egress.check('http://a.b.svc.cluster.local/');
  for (const host of [
    'ollama.example.com',
    'xollama',
    'svc.cluster.local',
    'svc.cluster.local.example.com',
    'a.svcxcluster.local',
  ]) {
    await assert.rejects(egress.check(`http://${host}/`), is('egress_refused'), host);
  }
});

test('SEC: a name with one refused address among others is refused; an unknown one cannot be reached', async () => {
  const mixed = make({
    resolve: async () => [
      { address: '1.1.1.1', family: 4 },
      { address: 'fe80::1', family: 6 },
    ],
  });
  await assert.rejects(mixed.check('http://example.com/'), is('egress_refused'));
  const none = make({ resolve: () => Promise.reject(new Error('ENOTFOUND')) });
  await assert.rejects(none.fetch('http://example.com/'), is('egress_unreachable'));
});

test('SEC: what was checked is connected to: a name that changes its address between check and use gains nothing', async () => {
  let calls = 0;
  const resolve = async () => [{ address: calls++ === 0 ? '1.1.1.1' : '127.0.0.1', family: 4 }];
  const egress = make({ resolve });
  await egress.check(`http://rebind.example:${here.port}/`);
  asked = [];
  await assert.rejects(egress.fetch(`http://rebind.example:${here.port}/`), is('egress_refused'));
  assert.deepEqual(asked, []);
});

test('SEC: each redirect is checked anew', async () => {
  const refused = [
    'http://169.254.169.254/',
    'http://10.0.0.1/',
    'file:///etc/passwd',
    'http://u:p@127.0.0.1/',
    'http://[fe80::1]/',
  ];
  for (const to of refused) {
    await assert.rejects(local.fetch(`${here.url}/?to=${encodeURIComponent(to)}`), is('egress_refused'), to);
  }
  const followed = await local.fetch(`${here.url}/?to=${encodeURIComponent(`${there.url}/end`)}`);
  assert.equal(await followed.text(), 'hello');
  const loop = `${here.url}/?to=${encodeURIComponent('/?to=/loop')}`;
  await assert.rejects(local.fetch(loop, { maxRedirects: 1 }), is('egress_refused'));
});

test('SEC: credentials stay with the origin they were given for', async () => {
  asked = [];
  const headers = { authorization: 'Bearer canary', 'x-api-key': 'canary', cookie: 'a=canary', 'x-other': 'kept' };
  await (await local.fetch(`${here.url}/?to=/same`, { headers })).text();
  assert.equal(asked.at(-1)?.headers.authorization, 'Bearer canary');
  await (await local.fetch(`${here.url}/?to=${encodeURIComponent(`${there.url}/other`)}`, { headers })).text();
  assert.equal(asked.at(-1)?.path, '/other');
  assert.equal(asked.at(-1)?.headers['x-other'], 'kept');
  assert.ok(!JSON.stringify(asked.at(-1)).includes('canary'));
});

test('SEC: a POST that is redirected becomes a GET where browsers make it one, and keeps its body where they do', async () => {
  for (const [status, method, body] of [
    [302, 'GET', ''],
    [303, 'GET', ''],
    [307, 'POST', 'text'],
    [308, 'POST', 'text'],
  ] as const) {
    asked = [];
    await (await local.fetch(`${here.url}/?to=/next&status=${status}`, { method: 'POST', body: 'text' })).text();
    assert.deepEqual([asked[1]?.method, asked[1]?.body], [method, body], String(status));
  }
});

test('SEC: time and size have limits, and the caller can cancel', async () => {
  await assert.rejects(local.fetch(`${here.url}/slow`, { timeoutMs: 100 }), is('egress_timeout'));
  const aborted = local.fetch(`${here.url}/slow`, { signal: AbortSignal.timeout(50) });
  await assert.rejects(aborted, { name: 'TimeoutError' });
  const large = await local.fetch(`${here.url}/large`, { maxBytes: 1_000 });
  await assert.rejects(large.text(), is('egress_too_large'));
  const bomb = await local.fetch(`${here.url}/bomb`, { maxBytes: 50_000 });
  await assert.rejects(bomb.arrayBuffer(), is('egress_too_large'));
  assert.equal(
    (await (await local.fetch(`${here.url}/large`, { maxBytes: 100_000 })).arrayBuffer()).byteLength,
    100_000,
  );
  const closed = await serve(() => {});
  await closed.close();
  await assert.rejects(local.fetch(closed.url), is('egress_unreachable'));
});

test('SEC: the agent of the hot path calls its own origin alone, and checks each connection', async () => {
  const agent = local.checkedAgent(here.url);
  assert.equal(await (await request(`${here.url}/a`, { dispatcher: agent })).body.text(), 'hello');
  await assert.rejects(request(`${there.url}/a`, { dispatcher: agent }), is('egress_refused'));
  await agent.close();
  assert.throws(() => make().checkedAgent(here.url), is('egress_refused'));
  const named = make({ resolve: async () => [{ address: '127.0.0.1', family: 4 }] }).checkedAgent(
    'http://api.example:80',
  );
  await assert.rejects(request('http://api.example/', { dispatcher: named }), is('egress_refused'));
  await named.close();
});

test('SEC: whatever text comes, parsing ends and only http survives', async () => {
  const piece = fc.oneof(
    fc.string(),
    fc.webUrl(),
    fc.constantFrom('http://', '@', '[', ']', '%', ':', '/', '\\', '127.1', '::1', '#'),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 6 }), async (pieces) => {
      const egress = make({ resolve: async () => [{ address: '1.1.1.1', family: 4 }] });
      const url = await egress.check(pieces.join('')).catch((error: unknown) => {
        assert.ok(isFailure(error));
        return null;
      });
      if (url) assert.match(url.protocol, /^https?:$/);
    }),
    { numRuns: 1000 },
  );
});
