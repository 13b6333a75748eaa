import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, test } from 'node:test';
import { hostileAuthorizations, hostileRoles, hostileTeams, hostileUserIds } from '../corpora/headers.ts';
import { ask, call, people, person, startPlatform, type RunningPlatform } from './harness.ts';

let platform: RunningPlatform;
before(async () => {
  platform = await startPlatform();
});
after(() => platform.stop());

interface Raw {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

function raw(method: string, path: string, headers: Record<string, string>, body?: string): Promise<Raw> {
  const { hostname, port } = new URL(platform.url);
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, method, path, headers, setHost: !('host' in headers) }, (response) => {
      let text = '';
      response
        .setEncoding('utf8')
        .on('data', (chunk: string) => (text += chunk))
        .on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

const json = { ...people.researcher, 'content-type': 'application/json' };

test('FR-008: every outcome comes in the envelope with a code, an errorId and a remedy', async () => {
  const cases: [string, Promise<Raw>, number, string][] = [
    ['404', raw('GET', '/llm-ops/v1/nothing', people.researcher), 404, 'route_unknown'],
    ['405', raw('PUT', '/llm-ops/v1/catalog/models', people.researcher), 405, 'method_not_allowed'],
    ['malformed JSON', raw('POST', '/llm-ops/v1/catalog/models', json, '{"name":'), 400, 'body_malformed'],
    [
      '415',
      raw('POST', '/llm-ops/v1/catalog/models', { ...people.researcher, 'content-type': 'text/csv' }, 'a,b'),
      415,
      'media_type_unsupported',
    ],
    [
      '413',
      raw('POST', '/llm-ops/v1/catalog/models', json, JSON.stringify({ name: 'x'.repeat(3_000_000) })),
      413,
      'payload_too_large',
    ],
    ['bad encoding', raw('GET', '/llm-ops/v1/catalog/models/%ff', people.researcher), 400, 'validation_failed'],
    ['no identity', raw('GET', '/llm-ops/v1/catalog/models', {}), 401, 'unauthenticated'],
    [
      'no such row',
      raw('GET', '/llm-ops/v1/catalog/models/01890000-0000-7000-8000-000000000000', people.researcher),
      404,
      'model_not_found',
    ],
  ];
  for (const [what, sent, status, code] of cases) {
    const answer = await sent;
    assert.equal(answer.status, status, `${what}: ${answer.text}`);
    const body = JSON.parse(answer.text) as { status: string; message: string; data: Record<string, string> };
    assert.equal(body.status, 'fail');
    assert.equal(body.data['code'], code, what);
    assert.ok(
      body.message.length > 5 && (body.data['errorId'] ?? '').length === 36 && (body.data['remedy'] ?? '').length > 5,
      what,
    );
  }
  assert.equal((await cases[1]![1]).headers['allow'], 'GET, POST');
});

test('FR-008: every wrong field is in one answer; either case is accepted; a key given twice is refused', async () => {
  const wrong = await call(platform.api, people.researcher, 'POST', '/catalog/models', {
    name: '',
    version: '../x',
    type: 'other',
    owner_team: 'platform',
  });
  assert.deepEqual(wrong.body.data.issues.map((issue: { path: string }) => issue.path).toSorted(), [
    'name',
    'type',
    'version',
  ]);
  const camel = await call(platform.api, people.researcher, 'POST', '/catalog/models', {
    name: 'cased',
    version: '1',
    type: 'base',
    ownerTeam: 'platform',
    metadata: { ownerTeam: 'kept' },
  });
  assert.equal(camel.status, 200, JSON.stringify(camel.body));
  assert.equal(camel.body.data.owner_team, 'platform');
  assert.deepEqual(camel.body.data.metadata, { ownerTeam: 'kept' }, 'keys inside metadata are left alone');
  const twice = await call(platform.api, people.researcher, 'POST', '/catalog/models', {
    name: 'cased2',
    version: '1',
    type: 'base',
    owner_team: 'a',
    ownerTeam: 'b',
  });
  assert.deepEqual([twice.status, twice.body.data.issues[0].path], [400, 'owner_team']);
});

test('FR-008: what is not known is refused by name in query and body of every route that the document lists, and nothing is made', async () => {
  interface Operation {
    tags: string[];
    requestBody?: {
      content: Record<string, { schema: { oneOf?: { properties: Record<string, { const?: string }> }[] } }>;
    };
  }
  const { paths } = JSON.parse((await raw('GET', '/llm-ops/v1/openapi.json', {})).text) as {
    paths: Record<string, Record<string, Operation>>;
  };
  /** Of several shapes the first, which is chosen by what is constant in it. */
  const misspelt = ({ requestBody }: Operation): string => {
    const shape = requestBody?.content['application/json']?.schema.oneOf?.[0]?.properties ?? {};
    const chosen = Object.entries(shape).flatMap(([name, { const: value }]) =>
      value === undefined ? [] : [[name, value]],
    );
    return JSON.stringify({ ...Object.fromEntries(chosen), zzz: 1 });
  };
  const nobodys = '01890000-0000-7000-8000-000000000000';
  const ids = new Set(['id', 'job', 'modelId']);
  let asked = 0;
  for (const [path, operations] of Object.entries(paths)) {
    const address = path.replace(/\{(\w+)\}/g, (_, name: string) => (ids.has(name) ? nobodys : '1'));
    for (const [method, operation] of Object.entries(operations)) {
      const { tags, requestBody } = operation;
      // fields that are not the platform's are the engine's there
      if (tags.includes('inference')) continue;
      const reads = method !== 'get' && requestBody?.content['multipart/form-data'] === undefined;
      const body = reads ? misspelt(operation) : '';
      // Node's client tells the length of a body by itself where a method usually has one, and DELETE has none
      const length = { 'content-type': 'application/json', 'content-length': String(body.length) };
      const headers = { ...people.admin, ...(reads ? length : {}) };
      const answer = await raw(method.toUpperCase(), `${address}?zzz=1`, headers, body);
      const what = `${method} ${path}: ${answer.text}`;
      const said = JSON.parse(answer.text) as {
        error?: string;
        data?: { code: string; issues: { path: string; message: string }[] };
      };
      const told = said.error ?? said.data?.issues.map((issue) => `${issue.path}: ${issue.message}`).join('\n') ?? '';
      assert.equal(answer.status, 400, what);
      assert.equal(said.data?.code ?? answer.headers['x-error-code'], 'validation_failed', what);
      assert.equal(told.match(/zzz: Not known\. (Known are \w|Nothing is taken here)/g)?.length, reads ? 2 : 1, what);
      asked += 1;
    }
  }
  assert.ok(asked > 100, String(asked));

  const model = { name: 'misspelt', version: '1', type: 'base', owner_team: 'platform', modelFamly: 'llama' };
  const refused = await call(platform.api, people.researcher, 'POST', '/catalog/models', model);
  const [issue] = refused.body.data.issues;
  assert.deepEqual([refused.status, issue.path], [400, 'modelFamly']);
  assert.match(issue.message, /^Not known\. Did you mean model_family\? Known are name, version, type, owner_team, /);
  assert.deepEqual(await ask(platform.api, people.researcher, 'GET', '/catalog/models?name=misspelt'), []);
});

test('FR-003a: a misspelt field beside the files of a dataset is refused by name, and no file is kept', async () => {
  const dataset = await ask(platform.api, people.researcher, 'POST', '/catalog/datasets', {
    name: 'misspelt',
    owner_team: 'platform',
  });
  const route = `/catalog/datasets/${dataset.id}`;
  const form = new FormData();
  form.append('files', new Blob(['a,b\n1,2\n']), 'rows.csv');
  form.append('badRows', 'skip');
  const refused = await call(platform.api, people.researcher, 'POST', `${route}/upload`, form);
  const [{ path, message }] = refused.body.data.issues;
  assert.deepEqual([path, message], ['badRows', 'Not known. Did you mean bad_rows? Known are bad_rows, files.']);
  assert.deepEqual((await ask(platform.api, people.researcher, 'GET', route)).files, []);
});

test('FR-008: moments that only some programs know are refused or understood, never a fault', async () => {
  const cases: [string, number][] = [
    ['0000-02-02T00:00:00Z', 400],
    ['0001-01-01T00:00:00-23:59', 400],
    ['2024-01-01T00:00:00+23:59', 200],
    ['2024-02-30T00:00:00Z', 400],
    ['2024-01-01T00:00:00.123456789123Z', 200],
  ];
  for (const [since, status] of cases) {
    const route = `/governance/audit/logs?since=${encodeURIComponent(since)}`;
    assert.equal((await call(platform.api, people.admin, 'GET', route)).status, status, since);
  }
});

test('FR-008: an Idempotency-Key replays the first answer; another body is refused; 200 at once make one row', async () => {
  const body = { name: 'idempotent', version: '1', type: 'base', owner_team: 'platform' };
  const key = { 'idempotency-key': 'test-1' };
  const first = await call(platform.api, people.researcher, 'POST', '/catalog/models', body, key);
  const again = await call(platform.api, people.researcher, 'POST', '/catalog/models', body, key);
  assert.deepEqual(again.body, first.body);
  const other = await call(platform.api, people.researcher, 'POST', '/catalog/models', { ...body, version: '2' }, key);
  assert.deepEqual([other.status, other.body.data.code], [422, 'idempotency_mismatch']);

  const many = await Promise.all(
    Array.from({ length: 200 }, () =>
      call(
        platform.api,
        people.researcher,
        'POST',
        '/catalog/models',
        { ...body, name: 'many' },
        { 'idempotency-key': 'test-2' },
      ),
    ),
  );
  const statuses = new Set(many.map((answer) => answer.status));
  assert.ok(
    [...statuses].every((status) => status === 200 || status === 409),
    [...statuses].join(),
  );
  const rows = await ask(platform.api, people.researcher, 'GET', '/catalog/models?name=many');
  assert.equal(rows.length, 1);
});

test('FR-010: foreign Host and Origin are refused, on the inference path too', async () => {
  for (const path of ['/llm-ops/v1/catalog/models', '/v1/models', '/']) {
    const rebound = await raw('GET', path, { ...people.researcher, host: 'evil.example' });
    assert.equal(rebound.status, 403, path);
  }
  const foreign = await raw('POST', '/llm-ops/v1/catalog/models', { ...json, origin: 'https://evil.example' }, '{}');
  assert.equal(foreign.status, 403);
  const own = await raw('POST', '/llm-ops/v1/catalog/models', { ...json, origin: platform.url }, '{}');
  assert.equal(own.status, 400);
});

test('FR-008: request ids are echoed when they are plain, else made', async () => {
  assert.equal(
    (await raw('GET', '/v1/models', { ...people.developer, 'x-request-id': 'abc-1' })).headers['x-request-id'],
    'abc-1',
  );
  assert.notEqual(
    (await raw('GET', '/llm-ops/v1/session', { ...people.developer, 'x-request-id': 'a b<script>' })).headers[
      'x-request-id'
    ],
    'a b<script>',
  );
});

test('FR-010: hostile identity headers never give an identity or a fault', async () => {
  const corpus = [
    ...hostileUserIds.map((id) => ({ 'x-user-id': id, 'x-user-roles': 'viewer' })),
    ...hostileRoles.map((roles) => ({ 'x-user-id': 'somebody', 'x-user-roles': roles })),
    ...hostileTeams.map((team) => ({ 'x-user-id': 'somebody', 'x-user-roles': 'viewer', 'x-user-team': team })),
    ...hostileAuthorizations.map((authorization) => ({ authorization })),
  ];
  for (const headers of corpus) {
    let answer: Raw;
    try {
      answer = await raw('GET', '/llm-ops/v1/session', headers as unknown as Record<string, string>);
    } catch {
      continue; // Node's own client refuses to send it
    }
    assert.ok(answer.status < 500, JSON.stringify([headers, answer]));
  }
});

test('QS-obs: probes name each dependency, metrics are in Prometheus form, the reference page loads', async () => {
  const ready = await raw('GET', '/readyz', {});
  assert.equal(ready.status, 200);
  assert.deepEqual(
    (JSON.parse(ready.text) as { dependencies: { name: string }[] }).dependencies.map((one) => one.name).toSorted(),
    ['database', 'objects'],
  );
  assert.equal((await raw('GET', '/healthz', {})).status, 200);
  assert.match((await raw('GET', '/metrics', {})).text, /llmops_http_request_duration_seconds_bucket/);
  const document = JSON.parse((await raw('GET', '/llm-ops/v1/openapi.json', {})).text) as {
    openapi: string;
    paths: Record<string, unknown>;
  };
  assert.equal(document.openapi, '3.1.0');
  assert.ok(Object.keys(document.paths).length > 40);
  assert.equal((await raw('GET', '/docs/', {})).status, 200);
});

test('FR-006g-env: settings are shown with their source, secrets masked', async () => {
  const settings = (await ask(platform.api, person('op', 'operator'), 'GET', '/settings')) as {
    name: string;
    value: string | null;
    source: string;
    secret: boolean;
  }[];
  assert.equal(settings.find((setting) => setting.name === 'PORT')?.source, 'environment');
  for (const setting of settings.filter((candidate) => candidate.secret && candidate.value !== null))
    assert.match(setting.value!, /^•+$/);
});
