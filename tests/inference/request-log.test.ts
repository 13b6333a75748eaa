import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { usageRoutes, type DataOf } from '../../contracts/index.ts';
import { createHeartbeat } from '../../backend/src/domains/inference/ledger/heartbeat.ts';
import { createCapture } from '../../backend/src/domains/inference/log/capture.ts';
import { createContentInsert } from '../../backend/src/domains/inference/log/content.ts';
import { createUsageRoutes } from '../../backend/src/domains/inference/routes.ts';
import type { UsageEvent } from '../../backend/src/domains/inference/usage.ts';
import { createAccess, type Access, type PolicyInForce } from '../../backend/src/platform/access/index.ts';
import type { Db } from '../../backend/src/platform/db/index.ts';
import { isFailure } from '../../backend/src/platform/errors/index.ts';
import { event, idAt, log, openGround, rowsOf, type Ground, type NamedLedger } from './ground.ts';

let ground: Ground;
let db: Db;
let ledger: NamedLedger;
before(async () => {
  ground = await openGround();
  db = await ground.database();
  ledger = ground.ledger(db, { settleMs: 60_000 });
});
after(() => ground?.close());

type Table = typeof usageRoutes;

function person(
  userId: string,
  roles: string[],
  teams: string[] | '*',
  policies: PolicyInForce[] = [],
  kind = 'oidc',
): Access {
  const identity = {
    kind,
    userId,
    displayName: userId,
    roles,
    teams,
    project: null,
    apiKeyId: null,
    routes: null,
    environments: null,
    sessionId: null,
    csrfToken: null,
  };
  return createAccess(identity as never, policies);
}
const operator = person('olga', ['operator'], '*');
const developer = person('dan', ['developer'], ['search']);
const auditor = person('ada', ['auditor'], ['search']);

async function call<K extends keyof Table>(
  name: K,
  access: Access,
  request: { query?: object; params?: object } = {},
  on: Db = db,
  searchMs?: number,
): Promise<{ data: DataOf<Table[K]>; next: string | null }> {
  const { handlers } = createUsageRoutes({
    db: on,
    currency: 'EUR',
    objective: { availability: 99, answerMs: 1000 },
    now: () => new Date(),
    searchMs,
  });
  const spec = usageRoutes[name] as {
    query?: { parse(value: unknown): unknown };
    data: { parse(value: unknown): unknown };
    list?: boolean;
  };
  const context = {
    params: request.params,
    query: spec.query?.parse(request.query ?? {}),
    identity: access.identity,
    access,
    requestId: 'asked',
    remoteAddress: '127.0.0.1',
  };
  const answer = await (handlers[name] as (context: unknown) => Promise<any>)(context);
  const data = spec.list ? answer.rows : answer;
  // what is answered is what the contract says
  assert.deepEqual(JSON.parse(JSON.stringify(spec.data.parse(data))), JSON.parse(JSON.stringify(data)));
  return { data, next: spec.list ? answer.next : null };
}

async function put(...events: UsageEvent[]): Promise<void> {
  for (const one of events) {
    ledger.begin(one);
    ledger.end(one.id, {});
  }
  await ledger.settle();
}

async function keep(id: string, request: string, response: string | null, redact = true): Promise<void> {
  const insert = createContentInsert({ db, contentDays: 30, now: () => new Date() });
  const capture = createCapture({ insert, redact, log });
  capture.keep(id, Buffer.from(request), response, false);
  await capture.close();
  assert.equal(capture.dropped(), 0);
}

const idsOf = (rows: readonly { id: string }[]): string[] => rows.map(({ id }) => id);
const failed = (code: string) => (error: unknown) => isFailure(error, code as never);
const minutesAgo = (minutes: number): string => idAt(new Date(Date.now() - minutes * 60_000));

test('FR-009: the log is newest first, in pages that fit together, with every filter', async () => {
  const rows = Array.from({ length: 25 }, (_, number) => event({ id: minutesAgo(60 - number), route: 'paged' }));
  const own = minutesAgo(7);
  const others: [object, UsageEvent][] = [
    [{ environment: 'dev' }, event({ route: 'paged', environment: 'dev' })],
    [
      { endpoint_id: '0192f0e5-6c00-7000-8000-0000000000e2' },
      event({ route: 'paged', endpoint_id: '0192f0e5-6c00-7000-8000-0000000000e2' }),
    ],
    [{ model: 'other' }, event({ route: 'paged', model_name: 'other' })],
    [
      { model: '0192f0e5-6c00-7000-8000-0000000000a9' },
      event({ route: 'paged', model_id: '0192f0e5-6c00-7000-8000-0000000000a9' }),
    ],
    [{ user_id: 'somebody' }, event({ route: 'paged', user_id: 'somebody' })],
    [{ team: 'other' }, event({ route: 'paged', team: 'other' })],
    [{ project: 'p' }, event({ route: 'paged', project: 'p' })],
    [
      { api_key_id: '0192f0e5-6c00-7000-8000-0000000000b1' },
      event({ route: 'paged', api_key_id: '0192f0e5-6c00-7000-8000-0000000000b1' }),
    ],
    [{ request_id: 'known' }, event({ route: 'paged', request_id: 'known' })],
    [{ request_id: own }, event({ route: 'paged', id: own, request_id: own })],
    [{ operation: 'embedding' }, event({ route: 'paged', operation: 'embedding' })],
    [{ outcome: 'error' }, event({ route: 'paged', status: 502 })],
    [{ outcome: 'refused' }, event({ route: 'paged', status: 429, forwarded: false })],
    [{ outcome: 'cancelled' }, event({ route: 'paged', status: 499 })],
    [{ outcome: 'cached' }, event({ route: 'paged', cached: true })],
    [{ min_latency_ms: 5_000 }, event({ route: 'paged', latency_ms: 5_000 })],
  ];
  const old = event({ id: minutesAgo(25 * 60), route: 'paged' });
  await put(...rows, ...others.map(([, one]) => one), old);
  const all = [...others.map(([, one]) => one.id), ...idsOf(rows)].sort().reverse();
  const seen: string[] = [];
  for (let cursor: string | null | undefined; cursor !== null;) {
    const page: { data: { id: string }[]; next: string | null } = await call('listRequests', operator, {
      query: { route: 'paged', limit: 7, ...(cursor === undefined ? {} : { cursor }) },
    });
    seen.push(...idsOf(page.data));
    cursor = page.next;
  }
  assert.deepEqual(seen, all, 'the last day, each once');
  for (const [filter, one] of others) {
    const { data } = await call('listRequests', operator, { query: { route: 'paged', ...filter } });
    assert.deepEqual(idsOf(data), [one.id], JSON.stringify(filter));
  }
  const ok = await call('listRequests', operator, { query: { route: 'paged', outcome: 'ok', limit: 200 } });
  assert.equal(ok.data.length, all.length - 3);
  const since = new Date(Date.now() - 26 * 3_600_000).toISOString();
  const past = await call('listRequests', operator, {
    query: { route: 'paged', since, until: new Date(Date.now() - 86_400_000).toISOString() },
  });
  assert.deepEqual(idsOf(past.data), [old.id]);
});

test('FR-009, FR-006d: one request with its decision and price; tokens of every kind of model alike', async () => {
  const decision = {
    environments: ['prod' as const],
    attempts: [],
    skipped: [{ endpoint_id: event().endpoint_id!, reason: 'open' }],
  };
  const one = event({ decision, provider: 'openai', cost: '0.5000', price: { input: '2', output: '4', request: '0' } });
  const refused = event({
    endpoint_id: null,
    model_id: null,
    model_name: null,
    model_version: null,
    provider: null,
    revision: null,
    price: null,
    status: 429,
    forwarded: false,
    attempts: 0,
    cost: '0',
  });
  await put(one, refused);
  const { data } = await call('getRequest', operator, { params: { id: one.id } });
  assert.deepEqual(
    [data.prompt_tokens, data.completion_tokens, data.cost, data.currency, data.captured, data.content],
    [10, 5, '0.5', 'EUR', false, null],
  );
  assert.deepEqual(data.price, { input_per_million: '2', output_per_million: '4', per_request: '0' });
  assert.deepEqual(data.decision, decision);
  assert.equal((await call('getRequest', operator, { params: { id: refused.id } })).data.endpoint_id, null);
  await assert.rejects(call('getRequest', operator, { params: { id: event().id } }), failed('request_not_found'));
});

test('SEC, FR-009: requests of other teams are not there; content is for its asker and for whoever may read it, who is written down', async () => {
  const asked = event({ team: 'search', user_id: 'dan', route: 'content' });
  const mates = event({ team: 'search', user_id: 'mia', route: 'content' });
  const foreign = event({ team: 'other', user_id: 'zoe', route: 'content' });
  await put(asked, mates, foreign);
  for (const one of [asked, mates, foreign])
    await keep(
      one.id,
      '{"messages":[{"content":"the zebra of zoe@example.org"}]}',
      '{"choices":[{"message":{"content":"stripes"}}]}',
    );
  const contentOf = async (access: Access, id: string) =>
    (await call('getRequest', access, { params: { id } })).data.content;
  const entries = () => rowsOf(db, `select actor_id, action, resource_id, detail from audit_entry order by id`);

  assert.deepEqual(await contentOf(developer, asked.id), {
    request: '{"messages":[{"content":"the zebra of [email]"}]}',
    response: '{"choices":[{"message":{"content":"stripes"}}]}',
    redacted: 1,
    truncated: false,
  });
  assert.equal(await contentOf(developer, mates.id), null, 'a mate may see that it was asked, not what');
  assert.deepEqual(await entries(), [], 'what one asked oneself is nobody else’s matter');
  await assert.rejects(
    contentOf(developer, foreign.id),
    (error) => isFailure(error, 'request_not_found') && error.hidden,
  );
  await assert.rejects(contentOf(auditor, foreign.id), failed('request_not_found'));
  assert.notEqual(await contentOf(auditor, mates.id), null);
  assert.notEqual(await contentOf(operator, foreign.id), null);
  assert.deepEqual(await entries(), [
    {
      actor_id: 'ada',
      action: 'request.read',
      resource_id: mates.id,
      detail: { user_id: 'mia', team: 'search', route: 'content' },
    },
    {
      actor_id: 'olga',
      action: 'request.read',
      resource_id: foreign.id,
      detail: { user_id: 'zoe', team: 'other', route: 'content' },
    },
  ]);
  const key = person('dan', ['developer'], ['search'], [], 'api-key');
  assert.equal(await contentOf(key, asked.id), null, 'a key is nobody’s person');

  const found = async (access: Access, search: string) =>
    new Set(idsOf((await call('listRequests', access, { query: { search, route: 'content' } })).data));
  assert.deepEqual(await found(developer, 'ZEBRA'), new Set([asked.id]), 'nobody finds out by searching');
  assert.deepEqual(await found(auditor, 'zebra'), new Set([asked.id, mates.id]));
  assert.deepEqual(await found(operator, 'stripes'), new Set([asked.id, mates.id, foreign.id]));
  assert.deepEqual(await found(key, 'zebra'), new Set());
  const searches = (await entries()).filter(({ action }) => action === 'request.search');
  assert.deepEqual(
    searches.map(({ actor_id: actor }) => actor),
    ['ada', 'olga'],
  );
  assert.ok(!JSON.stringify(searches).includes('stripes'), 'words of a search are not written down');

  const deny = {
    effect: 'deny',
    actions: ['request:content'],
    resources: { type: '*', match: { team: ['other'] } },
    subjects: {},
    reason: 'no',
  };
  const limited = person('olga', ['operator'], '*', [{ id: 'p', name: 'p', scope: 'global', rules: [deny as never] }]);
  assert.equal(await contentOf(limited, foreign.id), null, 'a policy takes it away');
  assert.deepEqual(await found(limited, 'stripes'), new Set([asked.id, mates.id]));
});

test('FR-009: a search finds words as they are read, whatever their letters and signs, and signs of patterns are plain', async () => {
  const kinds = [
    [`{"content":"\\ud55c\\uad6d\\uc5b4 \\"quoted\\"\\nnext"}`, ['한국어', '"quoted"', 'QUOTED"\nNEXT']],
    ['{"content":"100%_sure C:\\\\temp"}', ['100%_', 'c:\\temp']],
    ['plain "text" it is', ['"text"', 'PLAIN']],
  ] as const;
  for (const [body, words] of kinds) {
    const one = event({ route: 'words' });
    await put(one);
    await keep(one.id, body, null);
    for (const search of words) {
      const { data } = await call('listRequests', operator, { query: { search, route: 'words' } });
      assert.deepEqual(idsOf(data), [one.id], search);
    }
  }
  const none = await call('listRequests', operator, { query: { search: '%', route: 'words' } });
  assert.equal(none.data.length, 1, 'a percent sign is a percent sign');
  const half = await call('listRequests', operator, { query: { search: 'half \ud800', route: 'words' } });
  assert.deepEqual(half.data, []);
});

test('FR-009: a search that takes too long is asked to be narrower', async () => {
  const own = await ground.database();
  const slow = event();
  const settle = ground.ledger(own, { settleMs: 60_000 });
  settle.begin(slow);
  settle.end(slow.id, {});
  await settle.settle();
  // each row that is looked at takes longer than the search may
  await own.pool.query(`
    create function dawdle() returns boolean language sql volatile as 'select pg_sleep(20) is not null';
    alter table usage_event rename to usage_event_real;
    create view usage_event as select * from usage_event_real where dawdle()`);
  const started = performance.now();
  await assert.rejects(call('listRequests', operator, {}, own, 300), (error) => {
    assert.ok(isFailure(error, 'validation_failed'));
    return error.issues?.[0]?.path === 'since';
  });
  assert.ok(performance.now() - started < 3_000);
});

test('FR-009: sums by each group are exact for any time, and each reader’s own', async () => {
  const own = await ground.database();
  const settle = ground.ledger(own, { settleMs: 60_000 });
  const random = (number: number): number => (number * 7_919) % 9_973;
  const events = Array.from({ length: 3_000 }, (_, number) =>
    event({
      id: idAt(new Date(Date.now() - random(number) * 30_000)),
      team: ['search', 'other', null][number % 3]!,
      user_id: ['dan', 'mia'][number % 2]!,
      project: number % 5 === 0 ? 'p' : null,
      api_key_id: number % 4 === 0 ? '0192f0e5-6c00-7000-8000-0000000000b1' : null,
      route: `r${number % 6}`,
      environment: ['dev', 'prod'][number % 2]!,
      model_name: number % 50 === 0 ? null : `m${number % 2}`,
      endpoint_id: number % 50 === 0 ? null : event().endpoint_id,
      status: number % 9 === 0 ? 503 : 200,
      cached: number % 8 === 0,
      cost: `0.00${number % 10}1`,
      latency_ms: number,
    }),
  );
  for (const one of events) {
    settle.begin(one);
    settle.end(one.id, {});
  }
  await settle.settle();
  const truth = (group: string, rows: UsageEvent[]) => {
    const found = new Map<
      string,
      { requests: number; errors: number; cached: number; cost: bigint; latency: number }
    >();
    for (const row of rows) {
      const key = String(
        {
          user: row.user_id,
          team: row.team,
          project: row.project,
          key: row.api_key_id,
          model: row.model_name,
          endpoint: row.endpoint_id,
          environment: row.environment,
          route: row.route,
        }[group] ?? '',
      );
      const sum = found.get(key) ?? { requests: 0, errors: 0, cached: 0, cost: 0n, latency: 0 };
      found.set(key, {
        requests: sum.requests + 1,
        errors: sum.errors + (row.status >= 500 ? 1 : 0),
        cached: sum.cached + (row.cached ? 1 : 0),
        cost: sum.cost + BigInt(row.cost.slice(2)),
        latency: sum.latency + row.latency_ms,
      });
    }
    return found;
  };
  const readers: [Access, (row: UsageEvent) => boolean][] = [
    [operator, () => true],
    [developer, ({ team, user_id: user }) => team === 'search' || user === 'dan'],
  ];
  for (let round = 0; round < 24; round += 1) {
    const group = ['user', 'team', 'project', 'key', 'model', 'endpoint', 'environment', 'route'][round % 8]!;
    const [from, to] = [random(round * 31), random(round * 17 + 5)]
      .sort((a, b) => b - a)
      .map((number) => Date.now() - number * 30_000 + round);
    for (const [reader, sees] of readers) {
      const inside = events.filter((row) => Date.parse(row.at) >= from! && Date.parse(row.at) < to! && sees(row));
      const { data } = await call(
        'summariseUsage',
        reader,
        {
          query: {
            group_by: group,
            since: new Date(from!).toISOString(),
            until: new Date(to!).toISOString(),
            limit: 200,
          },
        },
        own,
      );
      const wanted = truth(group, inside);
      assert.equal(data.length, wanted.size, `${group} ${round}`);
      for (const row of data) {
        const { requests, errors, cached, cost, latency } = wanted.get(row.key)!;
        assert.deepEqual(
          [row.requests, row.errors, row.cached, row.prompt_tokens],
          [requests, errors, cached, requests * 10],
        );
        assert.equal(BigInt(Math.round(Number(row.cost) * 10_000)), cost);
        assert.ok(Math.abs(row.mean_latency_ms! - latency / requests) < 1e-6);
      }
    }
  }
  const filtered = await call(
    'summariseUsage',
    operator,
    { query: { group_by: 'environment', environment: 'dev', since: '1970-01-02T00:00:00Z' } },
    own,
  );
  assert.deepEqual(
    filtered.data.map(({ key, requests }) => [key, requests]),
    [['dev', 1_500]],
  );
});

test('FR-009: the gateway’s view: rates, percentiles and gateways for who sees all, one’s own share for others', async () => {
  const own = await ground.database();
  const settle = ground.ledger(own, { settleMs: 60_000 });
  const events = Array.from({ length: 600 }, (_, number) =>
    event({
      id: idAt(new Date(Date.now() - (number % 30) * 60_000)),
      team: number % 4 === 0 ? 'other' : 'search',
      route: number % 3 === 0 ? 'rare' : 'busy',
      latency_ms: 100 + number,
      first_token_ms: 50,
      status: number % 20 === 0 ? 502 : 200,
    }),
  );
  for (const one of events) {
    settle.begin(one);
    settle.end(one.id, {});
  }
  settle.note(event({ status: 429, forwarded: false, team: 'search', latency_ms: 0 }));
  await settle.settle();
  const heartbeat = createHeartbeat({
    db: own,
    gateway: settle.gateway,
    read: () => ({ inFlight: 2, unsettled: 1, openBreakers: [], outage: null }),
    log,
  });
  heartbeat.start();
  for (let rows: unknown[] = []; rows.length === 0; rows = await rowsOf(own, 'select gateway from gateway_heartbeat'));
  await own.pool.query(`insert into gateway_heartbeat values ('dead', 'h', 1, now() - interval '11 s', 0, 0, '[]')`);

  const { data } = await call('viewGateway', operator, { query: { minutes: 60 } }, own);
  assert.deepEqual(
    data.gateways.map(({ id, alive, in_flight: busy }) => [id, alive, busy]),
    [
      [settle.gateway, true, 2],
      ['dead', false, 0],
    ],
  );
  assert.deepEqual([data.total.requests, data.total.errors, data.total.refused], [601, 30, 1]);
  assert.deepEqual(
    data.routes.map(({ route, requests }) => [route, requests]),
    [
      ['busy', 400],
      ['rare', 200],
      ['chat', 1],
    ],
  );
  assert.equal(
    data.series.reduce((sum, point) => sum + point.requests, 0),
    601,
  );
  assert.ok(
    Math.abs(data.total.p50_ms! - 400) < 40 && Math.abs(data.total.p99_ms! - 694) < 70,
    JSON.stringify(data.total),
  );
  assert.equal(data.total.first_token_p50_ms, 53);
  assert.equal(data.total.cost, '0.075125');

  const share = await call('viewGateway', developer, { query: { minutes: 60 } }, own);
  assert.deepEqual([share.data.total.requests, share.data.total.refused, share.data.gateways], [451, 1, []]);
  const anybody = person('max', ['developer'], ['search', 'other'], []);
  const whole = await call('viewGateway', anybody, { query: { minutes: 60 } }, own);
  assert.deepEqual(
    { ...whole.data, gateways: 0, now: 0 },
    { ...data, gateways: 0, now: 0 },
    'both ways lead to the same',
  );
  const one = await call('viewGateway', operator, { query: { minutes: 5, route: 'rare', environment: 'prod' } }, own);
  assert.ok(one.data.total.requests > 0 && one.data.total.requests < 200);
  await heartbeat.stop();
});

test('SC-003, FR-009: availability and median answer of each endpoint, of all of them or of those that a reader has used', async () => {
  const [good, bad, quiet] = ['a1', 'a2', 'a3'].map((end) => `0192f0e5-6c00-7000-8000-0000000005${end}`) as [
    string,
    string,
    string,
  ];
  const asked = (endpoint_id: string, facts: Partial<UsageEvent> = {}): UsageEvent =>
    event({ endpoint_id, route: 'levels', environment: 'stg', latency_ms: 300, first_token_ms: null, ...facts });
  await put(
    ...Array.from({ length: 199 }, () => asked(good)),
    asked(good, { status: 502 }),
    // of a stream its first piece counts; what a client gave up, the gateway refused or was lost with it is not the endpoint's
    ...Array.from({ length: 8 }, () => asked(bad, { team: 'other', latency_ms: 90_000, first_token_ms: 2_000 })),
    ...[500, 598].map((status) => asked(bad, { team: 'other', status })),
    asked(bad, { team: 'other', status: 400 }),
    asked(bad, { team: 'other', status: 499 }),
    asked(bad, { team: 'other', status: 429, forwarded: false }),
    asked(quiet, { status: 429, forwarded: false }),
  );
  const view = async (reader: Access, query: object = {}) =>
    (await call('viewObjectives', reader, { query: { environment: 'stg', ...query } })).data;
  const all = await view(operator);
  assert.deepEqual(all.objective, { availability: 99, answer_p50_ms: 1000 });
  const found = all.endpoints.filter(({ route }) => route === 'levels');
  assert.deepEqual(
    found.map((row) => [row.endpoint_id, row.requests, row.errors, row.lost, row.available, row.quick]),
    [
      [bad, 10, 1, 1, false, false],
      [good, 200, 1, 0, true, true],
    ],
  );
  assert.equal(found[0]!.availability!.toFixed(2), '90.00');
  assert.equal(found[0]!.seen_availability!.toFixed(2), '81.82');
  assert.equal(found[1]!.availability!.toFixed(2), '99.50');
  assert.equal(found[1]!.budget_left!.toFixed(0), '50');
  assert.ok(Math.abs(found[0]!.answer_p50_ms! - 2_000) < 250 && Math.abs(found[1]!.answer_p50_ms! - 300) < 40);
  assert.equal(
    found[0]!.days.reduce((sum, day) => sum + day.errors, 0),
    1,
  );
  const theirs = (await view(developer)).endpoints.filter(({ route }) => route === 'levels');
  assert.deepEqual(theirs, [found[1]]);
  assert.deepEqual(
    (await view(operator, { environment: 'prod' })).endpoints.filter(({ route }) => route === 'levels'),
    [],
  );
});

test('REL, FR-009: captured content waits for the database within its bounds, and never costs a request', async () => {
  const own = await ground.database();
  const insert = createContentInsert({ db: own, contentDays: 30, now: () => new Date() });
  const capture = createCapture({ insert, redact: true, log, flushMs: 60_000, maxBytes: 100_000 });
  const ids = Array.from({ length: 30 }, () => event().id);
  await ground.server.halt();
  for (const id of ids) capture.keep(id, Buffer.alloc(5_000, 'a'), 'b'.repeat(5_000), false);
  assert.equal(capture.dropped(), 20, 'what is too much is given up');
  await capture.flush();
  await ground.server.start();
  const large = event().id;
  await capture.flush();
  capture.keep(large, Buffer.from('한'.repeat(10_000)), null, true);
  capture.keep('no uuid', 'x', null, false);
  await capture.flush();
  const rows = await rowsOf(own, 'select id, length(request) as length, truncated from request_content order by id');
  assert.deepEqual(
    rows.map(({ id }) => id),
    [...ids.slice(0, 10), large],
  );
  assert.deepEqual(rows.at(-1), { id: large, length: 10_000, truncated: true });
  await capture.close();

  const big = createCapture({ insert, redact: false, log });
  const cut = event().id;
  big.keep(cut, Buffer.from(`{"a":"${'한'.repeat(200_000)}"}`), null, false);
  await big.close();
  const [row] = await rowsOf(
    own,
    'select length(request) as length, truncated, request from request_content where id = $1',
    [cut],
  );
  assert.ok(row.truncated && row.length < 90_000 && !row.request.includes('\ufffd'));
});
