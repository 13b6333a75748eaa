import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Budget, Price } from '../../contracts/index.ts';
import { uuidv7 } from '../../backend/src/platform/ids/index.ts';
import { codeOf, eventually, nobody, openGround, person, wish, type Ground } from './ground.ts';

let ground: Ground;
before(async () => (ground = await openGround()));
after(() => ground.close());
afterEach(async () => {
  await ground.clear();
  await ground.db.pool.query('truncate model, api_key cascade');
});

const issueOf = (path: string, message: RegExp) => (error: any) => {
  assert.equal(codeOf(error), 'validation_failed', String(error));
  assert.equal(error.issues[0].path, path);
  assert.match(error.issues[0].message, message);
  return true;
};

async function model(changes: { team?: string; visibility?: string } = {}): Promise<string> {
  const id = uuidv7();
  await ground.db.pool.query(
    `insert into model (id, name, version, type, owner_team, visibility, created_by) values ($1, 'llama', $2, 'base', $3, $4, 'rita')`,
    [id, id, changes.team ?? 'search', changes.visibility ?? 'organization'],
  );
  return id;
}

async function key(team: string): Promise<string> {
  const id = uuidv7();
  await ground.db.pool.query('insert into team (name) values ($1) on conflict do nothing', [team]);
  await ground.db.pool.query(
    `insert into api_key (id, name, prefix, hash, team, roles, created_by) values ($1, 'k', 'p', $2, $3, '{}', 'ada')`,
    [id, Buffer.from(id), team],
  );
  return id;
}

test('FR-011: a budget is made, read, changed and deleted, in the form of the contract', async () => {
  const made = await ground.budget({
    name: 'Search, monthly',
    period: 'monthly',
    limit: { amount: '100.50', tokens: 1000, requests: 10 },
    thresholds: [90, 50, 90],
  });
  Budget.parse(made);
  assert.deepEqual(
    [made.limit, made.thresholds, made.team, made.scope, made.current.state, made.current.ratio],
    [
      { amount: '100.5', currency: 'EUR', tokens: 1000, requests: 10 },
      [50, 90],
      'search',
      { type: 'team', id: 'search' },
      'ok',
      0,
    ],
  );
  const now = new Date();
  const month = Date.UTC(now.getUTCFullYear(), now.getUTCMonth());
  assert.equal(made.current.periodStart, new Date(month).toISOString());
  assert.equal(made.current.periodEnd, new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1)).toISOString());
  assert.deepEqual(await ground.call('getBudget', { params: { id: made.id } }), made);

  const changed = await ground.call('updateBudget', {
    params: { id: made.id },
    body: { name: 'Search', limit: { tokens: 5 }, action: 'warn', enabled: false, thresholds: [] },
  });
  assert.deepEqual(
    [changed.name, changed.limit, changed.action, changed.enabled, changed.thresholds, changed.period],
    ['Search', { currency: 'EUR', tokens: 5 }, 'warn', false, [], 'monthly'],
  );
  assert.deepEqual(await ground.call('deleteBudget', { params: { id: made.id } }), { id: made.id });
  for (const name of ['getBudget', 'deleteBudget'] as const)
    await assert.rejects(
      ground.call(name, { params: { id: made.id } }),
      (error) => codeOf(error) === 'budget_not_found',
    );
});

test('FR-011: what cannot be a budget is refused with the field and what to write there', async () => {
  const refused = (changes: object, path: string, message: RegExp) =>
    assert.rejects(ground.budget(changes), issueOf(path, message));
  await refused({ limit: {} }, 'limit', /at least one of amount, tokens and requests/);
  await refused({ limit: { currency: 'EUR' } }, 'limit', /at least one/);
  await refused({ limit: { amount: '1', currency: 'USD' } }, 'limit.currency', /EUR \(COST_CURRENCY\)/);
  await refused({ scope: { type: 'team' } }, 'scope.id', /name of the team/);
  await refused({ scope: { type: 'project', id: 'assistant' } }, 'scope.id', /"team\/project"/);
  for (const type of ['key', 'endpoint', 'model'])
    await refused({ scope: { type, id: 'seven' } }, 'scope.id', /a UUID/);
  await refused({ scope: { type: 'global', id: 'all' } }, 'scope.id', /leave the id out/);
  await refused({ scope: { type: 'user', id: 'a\u0000b' } }, 'scope.id', /must not hold NUL/i);
  await refused({ scope: { type: 'key', id: uuidv7() } }, 'scope.id', /no such API key/);
  const { id } = await ground.budget({ limit: { amount: '1', currency: 'EUR' } });
  await assert.rejects(
    ground.call('updateBudget', { params: { id }, body: { limit: { currency: 'USD' } } }),
    issueOf('limit', /at least one/),
  );
});

test('FR-011: names are taken within a team only, and by nobody twice', async () => {
  const one = await ground.budget({ name: 'same' });
  await assert.rejects(ground.budget({ name: 'same' }), (error) => codeOf(error) === 'budget_name_taken');
  await ground.budget({ name: 'same', scope: { type: 'team', id: 'vision' } });
  await ground.budget({ name: 'same', scope: { type: 'global' } });
  await assert.rejects(
    ground.budget({ name: 'same', scope: { type: 'user', id: 'ada' } }),
    (error) => codeOf(error) === 'budget_name_taken',
  );
  const other = await ground.budget({ name: 'other' });
  const rename = (id: string, name: string) => ground.call('updateBudget', { params: { id }, body: { name } });
  await assert.rejects(rename(other.id, 'same'), (error) => codeOf(error) === 'budget_name_taken');
  assert.equal((await rename(one.id, 'same')).name, 'same');
});

test('FR-011, FR-010: another team’s budget is not there; everybody’s is everybody’s', async () => {
  const theirs = await ground.budget({ scope: { type: 'team', id: 'vision' } });
  const project = await ground.budget({ scope: { type: 'project', id: 'vision/eyes' } });
  const ofKey = await ground.budget({ scope: { type: 'key', id: (await key('vision')).toUpperCase() } });
  const mine = await ground.budget({ scope: { type: 'project', id: 'search/assistant' } });
  const open = await ground.budget({ scope: { type: 'model', id: nobody.model } });
  assert.deepEqual(
    [theirs, project, ofKey, mine, open].map(({ team }) => team),
    ['vision', 'vision', 'vision', 'search', null],
  );
  const ada = person({ userId: 'ada', teams: ['search'] });
  for (const { id } of [theirs, project, ofKey]) {
    for (const [route, body] of [
      ['getBudget', undefined],
      ['updateBudget', { name: 'mine now' }],
      ['deleteBudget', undefined],
    ] as const) {
      await assert.rejects(
        ground.call(route, { params: { id }, body: body as object }, ada),
        (error: any) => codeOf(error) === 'budget_not_found' && error.hidden === true,
      );
    }
  }
  const seen = await ground.call('listBudgets', {}, ada);
  assert.deepEqual(
    seen.map(({ id }) => id),
    [open.id, mine.id],
    'newest first',
  );
  assert.deepEqual(
    (await ground.call('listBudgets', { query: { scope: 'key' } })).map(({ id }) => id),
    [ofKey.id],
  );
  await assert.rejects(
    ground.budget({ scope: { type: 'team', id: 'vision' } }, ada),
    issueOf('scope.id', /not a member/),
  );
  await assert.rejects(
    ground.budget({ scope: { type: 'key', id: ofKey.scope.id } }, ada),
    issueOf('scope.id', /no such API key in your teams/),
  );
});

test('FR-011: prices are set from now on, and what was before stays known', async () => {
  const id = await model();
  const set = (body: object) => ground.call('setPrice', { params: { modelId: id }, body });
  const first = await set({ inputPerMillion: '0.15', outputPerMillion: '0.60' });
  Price.parse(first);
  assert.deepEqual(
    [first.currency, first.inputPerMillion, first.outputPerMillion, first.perRequest, first.modelName, first.setBy],
    ['EUR', '0.15', '0.6', '0', 'llama', 'olga'],
  );
  const gateway = await ground.gateway('a');
  assert.deepEqual(gateway.cost.spending.price(id), {
    perInputToken: 150_000n,
    perOutputToken: 600_000n,
    perRequest: 0n,
    shown: { input: '0.15', output: '0.6', request: '0' },
  });
  assert.equal(gateway.cost.spending.price(uuidv7()), null);
  await set({ inputPerMillion: '0.000001', outputPerMillion: '2', perRequest: '0.01', currency: 'EUR' });
  await eventually(() => gateway.cost.spending.price(id)?.perInputToken === 1n);
  assert.equal(gateway.cost.spending.price(id)!.perRequest, 10_000_000_000n);
  const history = await ground.call('priceHistory', { params: { modelId: id } });
  assert.deepEqual(
    history.map(({ outputPerMillion }) => outputPerMillion),
    ['2', '0.6'],
  );
  assert.ok(history[0]!.since >= history[1]!.since);
  const second = await model();
  await ground.call('setPrice', { params: { modelId: second }, body: { inputPerMillion: '1', outputPerMillion: '1' } });
  const current = await ground.call('listPrices');
  assert.deepEqual(
    current.map(({ modelId, outputPerMillion }) => [modelId, outputPerMillion]),
    [
      [second, '1'],
      [id, '2'],
    ],
  );
  await assert.rejects(ground.db.pool.query('update model_price set per_request = 0'), /never changed/);
});

test('FR-011: a price in another currency, or of a model that is not there or not seen, is refused', async () => {
  const body = { inputPerMillion: '1', outputPerMillion: '1' };
  const hidden = await model({ team: 'vision', visibility: 'team' });
  await ground.call('setPrice', { params: { modelId: hidden }, body });
  await assert.rejects(
    ground.call('setPrice', { params: { modelId: hidden }, body: { ...body, currency: 'USD' } }),
    issueOf('currency', /reckons in EUR/),
  );
  const ada = person({ userId: 'ada', teams: ['search'] });
  for (const [id, as] of [
    [uuidv7(), person()],
    [hidden, ada],
  ] as const) {
    for (const ask of [
      () => ground.call('setPrice', { params: { modelId: id }, body }, as),
      () => ground.call('priceHistory', { params: { modelId: id } }, as),
    ])
      await assert.rejects(ask(), (error) => codeOf(error) === 'model_not_found');
  }
  assert.deepEqual(await ground.call('listPrices', {}, ada), []);
  assert.equal((await ground.call('listPrices')).length, 1);
});

test('FR-011: prices of a currency that was the platform’s before are not reckoned with', async () => {
  const id = await model();
  await ground.db.pool.query(
    `insert into model_price (id, model_id, currency, input_per_million, output_per_million, per_request, set_by)
      values ($1, $2, 'USD', 1, 1, 1, 'olga')`,
    [uuidv7(), id],
  );
  const gateway = await ground.gateway('a');
  assert.equal(gateway.cost.spending.price(id), null);
  (await gateway.cost.spending.reserve(nobody, wish())).settle(wish());
});
