import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pino from 'pino';
import type { Browser, Locator, Page } from 'playwright-core';
import { openDatabase } from '../../backend/src/platform/db/index.ts';
import { assertAccessible, assertFits, openBrowser, openPage, problemsOf, screenshot } from './browser.ts';
import {
  ask,
  call,
  healthyEndpoint,
  people,
  startPlatform,
  until,
  type Json,
  type RunningPlatform,
} from './harness.ts';

const admin = { userId: 'root', roles: ['admin'] };
const wide = { width: 1280, height: 900 };
const narrow = { width: 390, height: 844 };
const pixel =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4//8/w38GIAXDIBKE0DHxgljNBAAO9TXL0Y4OHwAAAABJRU5ErkJggg==';

/** A provider with OpenAI's published wire format; `busy` and `fail` in the last message make it misbehave. */
async function startProvider(name: string) {
  const json = (response: ServerResponse, status: number, value: unknown) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  const server = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    const asked = body === '' ? {} : (JSON.parse(body) as Json);
    const last = asked.messages?.at(-1)?.content ?? '';
    const word = typeof last === 'string' ? last : String(last[0]?.text ?? '');
    const usage = { prompt_tokens: 1000, completion_tokens: 500, total_tokens: 1500 };
    if (request.url === '/v1/models') return void json(response, 200, { object: 'list', data: [{ id: 'm' }] });
    if (word.includes('busy') && name === 'first') return void json(response, 503, { error: { message: 'Busy.' } });
    if (word.includes('fail')) return void json(response, 500, { error: { message: 'The card burnt.' } });
    if (request.url === '/v1/embeddings') {
      const data = [{ object: 'embedding', index: 0, embedding: [0.25, -0.5, 0.125, 1] }];
      return void json(response, 200, {
        object: 'list',
        data,
        model: asked.model,
        usage: { ...usage, completion_tokens: 0 },
      });
    }
    if (request.url === '/v1/completions') {
      const choices = [{ index: 0, text: ' time there was a gateway.', finish_reason: 'stop' }];
      return void json(response, 200, { id: 'x', object: 'text_completion', model: asked.model, choices, usage });
    }
    if (asked.stream === true) {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const chunk = (value: unknown) => response.write(`data: ${JSON.stringify(value)}\n\n`);
      chunk({ choices: [{ index: 0, delta: { role: 'assistant', content: 'A **route** ' } }] });
      if (word.includes('endless')) {
        const timer = setInterval(() => chunk({ choices: [{ index: 0, delta: { content: '.' } }] }), 20);
        return void response.once('close', () => clearInterval(timer));
      }
      chunk({ choices: [{ index: 0, delta: { content: 'is a name.' } }] });
      chunk({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] });
      chunk({ choices: [], usage });
      return void response.end('data: [DONE]\n\n');
    }
    const find = { name: 'find_order', arguments: '{"id":4711,"with":["items"]}' };
    const message =
      asked.tools && asked.messages.at(-1).role !== 'tool'
        ? { role: 'assistant', content: null, tool_calls: [{ id: 'call_1', type: 'function', function: find }] }
        : { role: 'assistant', content: 'Your order **4711** is on its way.' };
    const finish_reason = message.content === null ? 'tool_calls' : 'stop';
    json(response, 200, {
      id: 'x',
      object: 'chat.completion',
      model: asked.model,
      choices: [{ index: 0, message, finish_reason }],
      usage,
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, close: () => (server.closeAllConnections(), server.close()) };
}

let providers: Awaited<ReturnType<typeof startProvider>>[];
let platform: RunningPlatform;
let browser: Browser;
let page: Page;
const models: Json[] = [];
const endpoints: Json[] = [];
let route: Json;
let apiKey = '';
/** ids of requests by what they are good for */
const logged: Record<string, string> = {};

before(async () => {
  providers = await Promise.all([startProvider('first'), startProvider('second')]);
  platform = await startPlatform();
  browser = await openBrowser();
  page = await openPage(browser, platform.url, admin);
});
after(async () => {
  await browser?.close();
  await platform?.stop();
  for (const provider of providers ?? []) provider.close();
});

const shown = (locator: Locator, timeout = 20_000) => locator.first().waitFor({ state: 'visible', timeout });
const button = (within: Page | Locator, name: string | RegExp) => within.getByRole('button', { name }).first();
const open = async (at: Page, path: string) => {
  await at.goto(platform.url + path);
  await at.getByRole('heading', { level: 1 }).first().waitFor();
};
const as = (who: Record<string, string>, body: Json, path = '/v1/chat/completions', signal?: AbortSignal) =>
  fetch(platform.url + path, {
    method: 'POST',
    headers: { ...who, 'content-type': 'application/json' },
    body: JSON.stringify(body),
    ...(signal === undefined ? {} : { signal }),
  });
const say = (content: string, more: Json = {}) => ({
  model: 'support',
  messages: [{ role: 'user', content }],
  ...more,
});
const requestsOf = (query = ''): Promise<Json[]> =>
  ask(platform.api, people.operator, 'GET', `/governance/observability/requests${query}`);

interface Look {
  name: string;
  path: () => string;
  /** what one comes to the page for; it must be reached by keyboard */
  action: (at: Page) => Locator;
  empty?: string;
}
const link = (name: string | RegExp) => (at: Page) => at.getByRole('main').getByRole('link', { name }).first();
const looks: Look[] = [
  {
    name: 'gateway',
    path: () => '/observability',
    action: link('Requests'),
    empty: 'Nothing was asked in this window.',
  },
  {
    name: 'requests',
    path: () => '/observability/requests',
    action: (at) => at.getByRole('textbox', { name: 'Content' }),
    empty: 'Nothing was asked in the last 24 hours.',
  },
  {
    name: 'service-levels',
    path: () => '/observability/service-levels',
    action: (at) => button(at, 'Refresh'),
    empty: 'No endpoint was asked in this period.',
  },
  ...['tools', 'streamed', 'fallback', 'failed', 'refused', 'completion', 'embedding', 'private'].map((kind) => ({
    name: `request-${kind}`,
    path: () => `/observability/requests/${logged[kind] ?? ''}`,
    action: link('All of this route'),
  })),
  { name: 'routes', path: () => '/serving/routes', action: (at) => button(at, 'New route'), empty: 'No route yet.' },
  { name: 'route', path: () => `/serving/routes/${route?.id ?? ''}`, action: (at) => button(at, 'Edit') },
  {
    name: 'budgets',
    path: () => '/governance/budgets',
    action: (at) => button(at, 'New budget'),
    empty: 'No budget yet: nothing is held back.',
  },
  {
    name: 'prices',
    path: () => '/governance/prices',
    action: (at) => at.getByRole('textbox', { name: 'Model' }),
    empty: 'No model is registered yet.',
  },
  { name: 'api-keys', path: () => '/governance/api-keys', action: (at) => button(at, 'New API key') },
];

test('UI-1: with nothing in the platform every page of the gateway says so', async () => {
  for (const { name, path, empty } of looks.filter((look) => look.empty !== undefined)) {
    await open(page, path());
    await shown(page.getByText(empty!));
    await assertAccessible(page, `${name}, empty`);
    await screenshot(page, `${name}-empty`);
  }
  assert.deepEqual(problemsOf(page), []);
});

test('two external models are registered, approved and deployed through the API', async () => {
  for (const [index, name] of ['support-model', 'backup-model'].entries()) {
    const model = await ask(platform.api, people.researcher, 'POST', '/catalog/models', {
      name,
      version: '1',
      type: 'external',
      owner_team: 'platform',
      metadata: {
        description: 'A provider.',
        provider: 'openai',
        model_name: 'm',
        api_key: 'sk-journey',
        base_url: `${providers[index]!.url}/v1`,
      },
    });
    await ask(platform.api, people.researcher, 'PATCH', `/catalog/models/${model.id}/status`, {
      status: 'pending_review',
    });
    await ask(platform.api, people.reviewer, 'POST', `/catalog/models/${model.id}/versions/1/approve`, {
      decision: 'approve',
    });
    models.push(model);
    endpoints.push(await healthyEndpoint(platform.api, model.id, `/${name}`));
  }
});

test('FR-006l, UI-1: a route with shares and a fallback is made in the browser, which says what will happen', async () => {
  await open(page, '/serving/routes');
  await button(page, 'New route').click();
  const dialog = page.getByRole('dialog', { name: 'New route' });
  await dialog.getByRole('textbox', { name: 'Name' }).fill('support/chat');
  await shown(dialog.getByText('that is where requests go'));
  await dialog.getByRole('textbox', { name: 'Name' }).fill('support');
  await shown(dialog.getByText('Choose an endpoint for every target.'));
  const choose = async (target: string, endpoint: string) => {
    await dialog.getByRole('combobox', { name: target }).click();
    await page.getByRole('option', { name: endpoint }).click();
  };
  await choose('Target 1', 'support-model · dev');
  await button(dialog, 'Add a fallback').click();
  await choose('Target 2', 'backup-model · dev');
  await shown(
    dialog.getByText(/Everything goes to support-model · dev\. If it fails: backup-model · dev\. Tried again once/),
  );
  await assertAccessible(page, 'the form of a route');
  await screenshot(page, 'route-new');
  await button(dialog, 'Create').click();
  await page.waitForURL(/\/serving\/routes\/[0-9a-f-]{36}$/);
  await shown(page.getByRole('heading', { name: 'support', level: 1 }));
  route = await ask(platform.api, people.operator, 'GET', `/serving/routes/${page.url().split('/').at(-1)}`);
  assert.deepEqual(
    route.targets.map(({ endpointId, weight, priority }: Json) => [endpointId, weight, priority]),
    [
      [endpoints[0].id, 100, 0],
      [endpoints[1].id, 100, 1],
    ],
  );

  await button(page, 'Edit').click();
  const edit = page.getByRole('dialog', { name: 'Edit support' });
  await edit.getByRole('spinbutton', { name: 'Tokens reserved for an answer' }).fill('1000');
  await edit.getByRole('spinbutton', { name: 'Requests a minute' }).fill('6000');
  await button(edit, 'Save').click();
  await edit.waitFor({ state: 'detached' });
  await shown(page.getByText('At most 6,000 requests a minute; beyond that 429.'));

  await page.getByRole('switch', { name: 'Keep content' }).click();
  await shown(page.getByText('What is asked of support is kept from now on.'));
  await page.getByRole('switch', { name: 'Enable support in dev' }).click();
  await shown(page.getByText('It is switched off: every request for this name is refused.'));
  assert.equal((await as(people.developer, say('hi'))).status, 403);
  await page.getByRole('switch', { name: 'Enable support in dev' }).click();
  await shown(page.getByText('Everything goes to support-model · dev.'));
  await shown(page.getByRole('region', { name: 'curl example' }).filter({ hasText: '"model":"support"' }));

  await page.getByRole('main').getByRole('link', { name: 'Chat', exact: true }).click();
  await shown(page.getByRole('combobox', { name: 'Endpoint' }).filter({ hasText: 'support · dev' }));
  await page.getByRole('textbox', { name: 'Message' }).fill('Where is my order?');
  await button(page, 'Send').click();
  await shown(page.getByRole('log').getByText('is a name.'));
  assert.deepEqual(problemsOf(page), []);
});

test('FR-011, UI-1: a model without a price is said to cost nothing; setting one shows what a request will cost', async () => {
  await open(page, '/governance/prices');
  const row = page.getByRole('row').filter({ hasText: 'support-model' });
  await shown(row.getByText('costs nothing: set a price'));
  await button(row, 'Set price').click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox', { name: 'Input per million' }).fill('0.15x');
  await shown(dialog.getByText('A decimal such as 12.50'));
  await dialog.getByRole('textbox', { name: 'Input per million' }).fill('0.15');
  await dialog.getByRole('textbox', { name: 'Output per million' }).fill('0.6');
  await shown(dialog.getByText('A request with 1,000 tokens in and 500 out costs $0.00045.'));
  await button(dialog, 'Save').click();
  await shown(row.filter({ hasText: '$0.15' }).filter({ hasText: '$0.60' }));
  await button(row, 'History').click();
  await shown(page.getByRole('dialog').getByRole('row').filter({ hasText: '$0.15' }).filter({ hasText: 'root' }));
  await page.keyboard.press('Escape');
  assert.deepEqual(problemsOf(page), []);
});

test('FR-006d, FR-011, UI-1: a key with limits is made, shown once with programs that are ready to run, and works', async () => {
  await open(page, '/governance/api-keys');
  await button(page, 'New API key').click();
  const dialog = page.getByRole('dialog', { name: 'New API key' });
  await dialog.getByRole('textbox', { name: 'Name', exact: false }).first().fill('support-bot');
  await dialog.getByRole('textbox', { name: 'Team' }).fill('platform');
  await dialog.getByRole('textbox', { name: 'Route names' }).fill('support');
  await dialog.getByRole('spinbutton', { name: 'Requests a minute' }).fill('3');
  await button(dialog, 'Create').click();
  apiKey = await dialog.getByRole('textbox', { name: 'API key' }).inputValue();
  assert.ok(apiKey.length > 20);
  for (const [tab, name] of [
    ['curl', 'curl'],
    ['Python', 'Python'],
    ['TypeScript', 'TypeScript'],
  ] as const) {
    await dialog.getByRole('tab', { name: tab }).click();
    const code = await dialog.getByRole('region', { name: `${name} example` }).innerText();
    assert.ok(code.includes(apiKey) && code.includes(`${platform.url}/v1`) && code.includes('support'), code);
  }
  await assertAccessible(page, 'a key that was just made');
  await screenshot(page, 'api-key-made');
  await button(dialog, 'Close').click();
  const row = page.getByRole('row').filter({ hasText: 'support-bot' });
  await shown(row.getByText('3 requests/min'));

  const bearer = { authorization: `Bearer ${apiKey}` };
  // a new key is known within seconds
  await until('the key works', async () => (await as(bearer, say('hi'))).status === 200, 10_000);
  const statuses: number[] = [];
  for (let times = 0; times < 3; times += 1) statuses.push((await as(bearer, say('hi'))).status);
  assert.equal(statuses.at(-1), 429, statuses.join());
  assert.deepEqual(problemsOf(page), []);
});

test('FR-011, UI-1: a budget is made for a key, explained, and holds; the page shows what is used of it', async () => {
  await open(page, '/governance/budgets');
  await button(page, 'New budget').click();
  const dialog = page.getByRole('dialog', { name: 'New budget' });
  await dialog.getByRole('textbox', { name: 'Name' }).fill('spender, daily');
  await dialog.getByRole('combobox', { name: 'For' }).click();
  await page.getByRole('option', { name: 'Model version' }).click();
  await dialog.getByRole('combobox', { name: 'Model version' }).fill('none like this');
  await shown(dialog.getByText('Choose one of the list.'));
  await dialog.getByRole('combobox', { name: 'Model version' }).fill('support-model 1');
  await dialog.getByText('Choose one of the list.').waitFor({ state: 'detached' });
  await dialog.getByRole('combobox', { name: 'For' }).click();
  await page.getByRole('option', { name: 'User' }).click();
  await dialog.getByRole('textbox', { name: 'User' }).fill('spender');
  await dialog.getByRole('combobox', { name: 'Period' }).click();
  await page.getByRole('option', { name: 'Daily' }).click();
  await dialog.getByRole('spinbutton', { name: 'Requests' }).fill('2');
  await dialog.getByRole('combobox', { name: 'At the limit' }).click();
  await page.getByRole('option', { name: 'Stop' }).click();
  await shown(
    dialog.getByText(
      'At most 2 requests a day for what spender asks. A request that would go beyond is refused with 429 until the next day begins. People are told at 80 % and 100 %.',
    ),
  );
  await assertAccessible(page, 'the form of a budget');
  await button(dialog, 'Create').click();
  const row = page.getByRole('row').filter({ hasText: 'spender, daily' });
  await shown(row.getByText('0 of 2 requests'));

  const spender = { 'x-user-id': 'spender', 'x-user-roles': 'developer', 'x-user-team': 'platform' };
  const answered = await until(
    'the budget stops',
    async () => {
      const answer = await as(spender, say('hi'));
      return answer.status === 429 ? ((await answer.json()) as Json) : null;
    },
    30_000,
  );
  assert.equal(answered.error.code, 'budget_exhausted');
  await until('settled', async () => {
    const [budget] = await ask(platform.api, people.operator, 'GET', '/governance/budgets');
    return budget.current.state === 'exhausted';
  });
  await button(page, 'Refresh').click();
  await shown(row.getByText('Exhausted'));
  await shown(row.getByText('2 of 2 requests'));

  await button(row, 'Edit spender, daily').click();
  const edit = page.getByRole('dialog', { name: 'Edit spender, daily' });
  await edit.getByRole('spinbutton', { name: 'Requests' }).fill('1000');
  await edit.getByRole('textbox', { name: 'Amount (USD)' }).fill('250');
  await button(edit, 'Save').click();
  await shown(row.getByText('2 of 1K requests'));
  await shown(row.getByText('of $250.00'));
  assert.deepEqual(problemsOf(page), []);
});

const tools = [
  {
    type: 'function',
    function: {
      name: 'find_order',
      description: 'Finds an order.',
      parameters: { type: 'object', properties: { id: { type: 'number' } } },
    },
  },
];

test('real requests of every kind go through the gateway, some of them fail', async () => {
  const who = people.developer;
  const picture = [
    { type: 'text', text: 'What is this, and where is my order 4711?' },
    { type: 'image_url', image_url: { url: pixel } },
    { type: 'image_url', image_url: { url: 'https://images.example/track.png' } },
  ];
  const asked = async (name: string, answer: Response, status: number) => {
    assert.equal(answer.status, status, name);
    await answer.text();
    logged[name] = answer.headers.get('x-request-id') ?? '';
    assert.notEqual(logged[name], '', name);
  };
  const messages = [
    { role: 'system', content: 'You answer questions about orders. Be short.' },
    { role: 'user', content: picture },
  ];
  await asked('tools', await as(who, { model: 'support', temperature: 0.2, messages, tools }), 200);
  await asked('streamed', await as(who, say('What is a route? Call 010-1234-5678.', { stream: true })), 200);
  await asked('fallback', await as(who, say('You are busy')), 200);
  await asked('failed', await as(who, say('Now fail')), 502);
  await asked('completion', await as(who, { model: 'support', prompt: 'Once upon a' }, '/v1/completions'), 200);
  await asked('embedding', await as(who, { model: 'support', input: 'a route' }, '/v1/embeddings'), 200);
  await asked('private', await as(who, { ...say('secret'), model: 'backup-model' }), 200);
  await asked('refused', await as({ authorization: `Bearer ${apiKey}` }, say('hi')), 429);
  const gone = new AbortController();
  const endless = await as(who, say('endless', { stream: true }), undefined, gone.signal);
  await endless.body!.getReader().read();
  gone.abort();
  for (const [name, requestId] of Object.entries(logged)) {
    const [entry] = await until(`${name} is in the log`, async () => {
      const found = await requestsOf(`?request_id=${requestId}`);
      return found.length > 0 ? found : null;
    });
    logged[name] = entry.id;
  }
});

test('FR-009, FR-006d, UI-1: the request log is narrowed by filters and by words; an entry is read as a conversation', async () => {
  await open(page, '/observability/requests');
  const table = page.getByRole('region', { name: 'Requests' });
  await shown(table.getByText('502 Error'));
  await page.getByRole('combobox', { name: 'Outcome' }).click();
  await page.getByRole('option', { name: 'Refused' }).click();
  await shown(table.getByText('429 Refused'));
  await table.getByText('502 Error').waitFor({ state: 'detached' });
  await button(page, 'Clear filters').click();
  await page.getByRole('textbox', { name: 'Content' }).fill('questions about orders');
  await page.getByText('1 row', { exact: true }).waitFor();
  await page.getByRole('row').filter({ hasText: 'support' }).getByRole('link').first().click();
  await page.waitForURL(new RegExp(`/observability/requests/${logged['tools']}$`));

  const conversation = page.getByRole('log', { name: 'Conversation' });
  await shown(conversation.getByRole('article', { name: 'System' }).filter({ hasText: 'Be short.' }));
  const user = conversation.getByRole('article', { name: 'User' });
  assert.deepEqual(await user.getByRole('img').evaluateAll((images) => images.map((one) => one.getAttribute('src'))), [
    pixel,
  ]);
  await shown(user.getByText('https://images.example/track.png'));
  const answer = conversation.getByRole('article', { name: 'Assistant' });
  await shown(answer.getByText('find_order'));
  assert.match(await answer.locator('pre').innerText(), /"id": 4711/);
  const cost = page.getByRole('table', { name: 'Cost' });
  await shown(cost.getByRole('row', { name: '1,000 tokens in × $0.15 / million $0.00015' }));
  await shown(cost.getByRole('row', { name: '500 tokens out × $0.60 / million $0.0003' }));
  await shown(cost.getByRole('row', { name: 'Charged $0.00045' }));

  await open(page, `/observability/requests/${logged['streamed']}`);
  await shown(conversation.getByRole('article', { name: 'Assistant' }).filter({ hasText: 'A route is a name.' }));
  await shown(page.getByText('redacted'));
  assert.equal(await page.getByText('010-1234-5678').count(), 0);

  await open(page, `/observability/requests/${logged['fallback']}`);
  const timeline = page.getByRole('main').locator('section').filter({ hasText: 'Where it went' });
  await shown(timeline.getByRole('listitem').filter({ hasText: 'support-model' }).filter({ hasText: 'Busy' }));
  await shown(timeline.getByRole('listitem').filter({ hasText: 'backup-model' }).filter({ hasText: 'Answered' }));

  await open(page, `/observability/requests/${logged['refused']}`);
  const why = page.getByRole('region', { name: 'Why it was refused' });
  await shown(why.getByText('This API key may use 3 requests a minute.'));
  await shown(why.getByRole('link', { name: 'The route' }));
  await shown(page.getByText('It was refused before a target was chosen.'));
  assert.equal(await page.getByText('The content was not kept').count(), 0, 'there was none');
  await open(page, `/observability/requests/${logged['failed']}`);
  await shown(page.getByRole('region', { name: 'Why it failed' }).getByText('The card burnt.'));

  await open(page, `/observability/requests/${logged['private']}`);
  await shown(page.getByText('The content was not kept'));
  await page.getByRole('link', { name: 'Open the route backup-model' }).click();
  await shown(page.getByRole('heading', { name: 'backup-model', level: 1 }));
  assert.deepEqual(problemsOf(page), []);
});

test('UI-1: somebody who may not read what others asked is told so', async () => {
  const viewer = await openPage(browser, `${platform.url}/observability/requests/${logged['tools']}`, {
    userId: 'vera',
    roles: ['viewer'],
    team: 'platform',
  });
  await shown(viewer.getByText('You may not read the content.'));
  assert.equal(await viewer.getByText('Be short.').count(), 0);
  await viewer.context().close();
});

test('FR-006d, UI-1: a key is given another limit and another name to ask without a new key', async () => {
  await open(page, '/governance/api-keys');
  const row = page.getByRole('row').filter({ hasText: 'support-bot' });
  await shown(row.getByText(/\d+ requests?$/));
  await button(row, 'Edit support-bot').click();
  const dialog = page.getByRole('dialog', { name: 'Edit support-bot' });
  assert.equal(await button(dialog, 'Save').isDisabled(), true, 'nothing was changed');
  await dialog.getByRole('textbox', { name: 'Route names' }).fill('support, suport');
  await shown(dialog.getByText('No route is called suport now.'));
  await dialog.getByRole('textbox', { name: 'Route names' }).fill('support');
  await button(dialog, 'backup-model').click();
  await dialog.getByRole('spinbutton', { name: 'Tokens a minute' }).fill('900000');
  await assertAccessible(page, 'a key that is changed');
  await button(dialog, 'Save').click();
  await shown(row.getByText('900K tokens/min'));
  await shown(row.getByText('support, backup-model'));
  const bearer = { authorization: `Bearer ${apiKey}` };
  await until('the other name is asked', async () => {
    const { status } = await as(bearer, { ...say('hi'), model: 'backup-model' });
    return status !== 403;
  });
  await row.getByRole('link', { name: 'Requests with support-bot' }).click();
  await page.waitForURL(/\/observability\/requests\?api_key_id=/);
  await shown(page.getByRole('region', { name: 'Requests' }).getByText('429 Refused'));
  assert.deepEqual(problemsOf(page), []);
});

test('FR-011, UI-1: a key that was just made leads to a budget for it', async () => {
  await open(page, '/governance/api-keys');
  await button(page, 'New API key').click();
  const dialog = page.getByRole('dialog', { name: 'New API key' });
  await dialog.getByRole('textbox', { name: 'Name', exact: false }).first().fill('thrifty');
  await dialog.getByRole('textbox', { name: 'Team' }).fill('platform');
  await button(dialog, 'Create').click();
  await dialog.getByRole('link', { name: 'Set a budget' }).click();
  const budget = page.getByRole('dialog', { name: 'New budget' });
  await until('the key is chosen', async () =>
    (await budget.getByRole('combobox', { name: 'API key' }).inputValue()).startsWith('thrifty (lo_'),
  );
  await budget.getByRole('textbox', { name: 'Name' }).fill('thrifty, monthly');
  await budget.getByRole('textbox', { name: 'Amount (USD)' }).fill('10');
  await button(budget, 'Create').click();
  await shown(page.getByRole('row').filter({ hasText: 'thrifty, monthly' }).filter({ hasText: 'of $10.00' }));
  assert.deepEqual(problemsOf(page), []);
});

test('FR-009, UI-1: the live page shows how the gateway does, reads itself again, and leads to the requests of a route', async () => {
  await open(page, '/observability');
  const tile = (name: string) => page.locator('dl > div').filter({ hasText: name });
  await shown(tile('Errors').filter({ hasText: /\d+ failed, \d+ refused/ }));
  await shown(page.getByRole('img', { name: /^Requests, each/ }));
  const routes = page.getByRole('region', { name: 'By route' });
  await shown(routes.getByRole('row').filter({ hasText: 'support' }));
  const count = async () => Number(/(\d+) in the window/.exec(await tile('Requests').innerText())?.[1] ?? '0');
  const before = await count();
  assert.ok(before > 5, String(before));
  await as(people.developer, say('and again'));
  await until('the page has seen it', async () => (await count()) > before, 15_000);
  await shown(page.getByText('in flight'));
  await page.getByText('As a table').first().click();
  await shown(page.getByRole('region', { name: /^Requests, each/ }).getByRole('row'));
  await routes.getByRole('link', { name: 'Requests of support in dev' }).click();
  await page.waitForURL(/\/observability\/requests\?route=support&environment=dev$/);
  await shown(page.getByRole('region', { name: 'Requests' }).getByRole('row').filter({ hasText: '200' }));
  assert.deepEqual(problemsOf(page), []);
});

test('SC-003, UI-1: the page of service levels says which endpoint misses what is aimed at, and leads to it', async () => {
  await open(page, '/observability/service-levels');
  const levels = page.getByRole('region', { name: 'Service levels' });
  await shown(page.getByText(/of 2 endpoints miss|Every endpoint meets/));
  await shown(page.getByText('99.5 % of requests answered'));
  const rows = levels.getByRole('row').filter({ hasText: 'dev' });
  const { endpoints: expected } = await ask(platform.api, people.admin, 'GET', '/governance/observability/objectives');
  assert.equal(await rows.count(), expected.length);
  assert.match(await rows.first().innerText(), /%|—/);
  await page.getByRole('combobox', { name: 'Period' }).click();
  await page.getByRole('option', { name: 'Last quarter' }).click();
  await page.waitForURL(/days=92/);
  await rows.first().getByRole('link').click();
  await page.waitForURL(/\/serving\/endpoints\/[0-9a-f-]{36}$/);
  assert.deepEqual(problemsOf(page), []);
});

test('REL, SC-003, UI-1: a gateway that is or was without the database says by what it answers, and what was lost with one is told apart', async () => {
  const db = await openDatabase({ dataDir: platform.dataDir, guest: true, log: pino({ level: 'silent' }) });
  const outage = JSON.stringify({ known_at: '2026-01-02T03:04:00Z', until: new Date().toISOString() });
  await db.pool.query(
    `insert into gateway_heartbeat (gateway, host, pid, seen_at, in_flight, unsettled, open_breakers, outage) values
       ('cut-off', 'gateway-1', 1, now() - interval '5 minutes', 0, 0, '[]', null),
       ('back', 'gateway-2', 1, now() + interval '1 hour', 0, 0, '[]', $1)`,
    [outage],
  );
  await db.pool.query('update usage_endpoint_hour set lost = 7 where endpoint_id = $1', [endpoints[0].id]);
  await db.close();
  await open(page, '/observability');
  const gateway = (host: string) => page.getByRole('listitem').filter({ hasText: host });
  await shown(
    gateway('gateway-1').getByText(/If it still runs, it is cut off from the database and answers by what it knew/),
  );
  await shown(
    gateway('gateway-2').getByText(/^Was without the database until .+, and answered by what it knew at .+\.$/),
  );
  await open(page, '/observability/service-levels');
  await shown(page.getByText(/^7 more lost with a gateway: [\d.]+ % as callers saw it$/));
  assert.deepEqual(problemsOf(page), []);
});

async function assertNoKeys(at: Page, what: string): Promise<void> {
  const said = await at.evaluate(() => document.body.innerText);
  const keys = /\b(?:shell|catalog|cost|serving|governance|observability)(?:\.[a-z]\w*){2,}/g;
  assert.deepEqual(said.match(keys), null, what);
}
/** Tabs from the top of the page until the element has the focus, and looks whether one can see that it has. */
async function assertReachable(at: Page, element: Locator, what: string): Promise<void> {
  await at.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  for (let presses = 0; presses < 80; presses += 1) {
    await at.keyboard.press('Tab');
    const [focused, seen] = await element.evaluate((node) => {
      const { outlineStyle, boxShadow } = getComputedStyle(node);
      return [node === document.activeElement, outlineStyle !== 'none' || boxShadow !== 'none'];
    });
    if (!focused) continue;
    assert.ok(seen, `${what}: nobody sees that the main action has the focus`);
    return;
  }
  assert.fail(`${what}: the main action is not reached by keyboard`);
}

for (const { name, path, action } of looks) {
  test(`UI-1: ${name} in light and dark, wide and narrow, in English and Korean: no error, no other origin, nothing that axe finds, its action by keyboard`, async () => {
    await page.setViewportSize(wide);
    await page.emulateMedia({ colorScheme: 'light' });
    await open(page, path());
    await action(page).waitFor();
    await page.waitForLoadState('networkidle').catch(() => undefined);
    await assertNoKeys(page, name);
    for (const [place, size] of [
      ['wide', wide],
      ['narrow', narrow],
    ] as const) {
      await page.setViewportSize(size);
      await assertFits(page, `${name}, ${place}`);
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        await page.locator(`html.${colorScheme}`).waitFor();
        await assertAccessible(page, `${name}, ${place}, ${colorScheme}`);
        await screenshot(page, `${name}-${place}-${colorScheme}`);
      }
      await assertReachable(page, action(page), `${name}, ${place}`);
    }
    await page.setViewportSize(wide);
    assert.deepEqual(problemsOf(page), []);
  });
}

test('UI-1: in Korean every page of the gateway has all its texts', async () => {
  const korean = await openPage(browser, platform.url, admin, { locale: 'ko-KR', dark: true });
  for (const { name, path } of looks) {
    await open(korean, path());
    await korean.waitForTimeout(300);
    await assertNoKeys(korean, name);
    await assertFits(korean, name);
    const letters = await korean.evaluate(() => document.body.innerText.match(/[\uac00-\ud7a3]/g)?.length ?? 0);
    assert.ok(letters > 60, `${name}: ${letters} Korean letters`);
    await screenshot(korean, `${name}-korean`);
  }
  await open(korean, `/observability/requests/${logged['refused']}`);
  await shown(korean.getByText('이 API 키는 분당 3건까지 요청할 수 있습니다.'));
  assert.deepEqual(problemsOf(korean), []);
  await korean.context().close();
});

test('UI-1: dialogs of the gateway open and close by keyboard, give the focus back, and axe finds nothing in them', async () => {
  const dialogs: [string, string, (at: Page) => Locator][] = [
    ['route-new', '/serving/routes', (at) => button(at, 'New route')],
    ['route-edit', `/serving/routes/${route.id}`, (at) => button(at, 'Edit')],
    ['route-delete', `/serving/routes/${route.id}`, (at) => button(at, 'Delete')],
    ['budget-new', '/governance/budgets', (at) => button(at, 'New budget')],
    ['budget-edit', '/governance/budgets', (at) => button(at, 'Edit spender, daily')],
    ['budget-delete', '/governance/budgets', (at) => button(at, 'Delete spender, daily')],
    ['price-set', '/governance/prices', (at) => button(at, /^Set price/)],
    ['price-history', '/governance/prices', (at) => button(at, /^History/)],
  ];
  await page.emulateMedia({ colorScheme: 'light' });
  for (const [name, path, trigger] of dialogs) {
    for (const [place, size] of [
      ['wide', wide],
      ['narrow', narrow],
    ] as const) {
      await page.setViewportSize(size);
      await open(page, path);
      await trigger(page).focus();
      await page.keyboard.press('Enter');
      const dialog = page.getByRole('dialog');
      await dialog.waitFor();
      await assertAccessible(page, `the dialog ${name}, ${place}`);
      await assertNoKeys(page, name);
      await screenshot(page, `dialog-${name}-${place}`);
      assert.ok(
        await dialog.evaluate((node) => node.contains(document.activeElement)),
        `${name}: the focus is in the dialog`,
      );
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });
      await trigger(page).and(page.locator(':focus')).waitFor();
    }
  }
  await page.setViewportSize(wide);
  assert.deepEqual(problemsOf(page), []);
});

const refusal = {
  status: 'fail',
  message: 'The database cannot be reached.',
  data: {
    code: 'database_unavailable',
    errorId: '01890000-0000-7000-8000-000000000001',
    remedy: 'Wait a moment and try again; tell an operator when it goes on.',
  },
};

test('UI-1, FR-008: when the platform fails every page of the gateway says what, what to do, and asks again', async () => {
  const api = /\/llm-ops\/v1\/(?!session)/;
  for (const { name, path } of looks.filter((look) => !/request-/.test(look.name) || look.name === 'request-tools')) {
    await page.route(api, (request) => request.fulfill({ status: 503, json: refusal }));
    await page.goto(platform.url + path());
    const failures = page.getByRole('main').getByRole('alert').filter({ hasText: refusal.message });
    const alert = failures.first();
    await alert.waitFor();
    await alert.getByText(refusal.data.remedy).waitFor();
    await assertAccessible(page, `${name}, failing`);
    await page.setViewportSize(narrow);
    await assertFits(page, `${name}, failing, narrow`);
    await screenshot(page, `${name}-failing-narrow`);
    await page.setViewportSize(wide);
    await page.unroute(api);
    for (let left = await failures.count(); left > 0; left = await failures.count()) {
      // what reads itself again has done so, perhaps before it could be pressed
      await alert
        .getByRole('button', { name: 'Try again' })
        .click({ timeout: 3000 })
        .catch(() => undefined);
      await failures.nth(left - 1).waitFor({ state: 'detached' });
    }
  }
  assert.deepEqual(
    problemsOf(page).filter((problem) => !problem.includes('status of 503')),
    [],
  );
});

test('UI-1: a log of 10,000 requests stays quick to open, to leaf through, to sort and to filter', async (context) => {
  const db = await openDatabase({ dataDir: platform.dataDir, guest: true, log: pino({ level: 'silent' }) });
  // ids are UUIDv7 of the moment, as the gateway makes them; all within the partition of today
  await db.pool.query(
    `
    insert into usage_event (id, at, gateway, request_id, user_id, team, route, environment, endpoint_id, model_id, model_name,
      model_version, provider, revision, operation, streamed, status, forwarded, prompt_tokens, completion_tokens, estimated, cached,
      cost, latency_ms, attempts)
    select (lpad(to_hex(floor(extract(epoch from moment) * 1000)::bigint), 12, '0') || '7' || lpad(to_hex(n % 4096), 3, '0') || '8'
        || lpad(to_hex(n), 15, '0'))::uuid, moment, 'test', 'many-' || n, 'linus', 'platform', 'many', 'dev', $1::uuid, $2::uuid,
      'support-model', '1', 'openai', 1, 'chat', false, 200, true, n, 10, false, false, 0.00012, n % 3000, 1
      from generate_series(1, 10000) as n, lateral (select now() - n * interval '1 millisecond' as moment) as at`,
    [endpoints[0].id, models[0].id],
  );
  await db.close();
  const timed = async (what: string, limitMs: number, work: () => Promise<unknown>): Promise<void> => {
    const from = performance.now();
    await work();
    const ms = Math.round(performance.now() - from);
    context.diagnostic(`${what}: ${ms} ms (limit ${limitMs})`);
    assert.ok(ms < limitMs, `${what} took ${ms} ms`);
  };
  await timed('open', 5000, async () => {
    await open(page, '/observability/requests?route=many');
    await page.getByText('100 rows so far').waitFor();
  });
  await timed('five more pages', 10_000, async () => {
    for (const rows of [200, 300, 400, 500, 600]) {
      await page.getByRole('button', { name: 'Load more' }).click();
      await page.getByText(`${rows} rows so far`).waitFor();
    }
  });
  await timed('leaf', 2000, async () => {
    await page.getByRole('button', { name: 'Next page' }).click();
    await page.getByText('Page 2 of 12').waitFor();
  });
  await timed('sort', 2000, async () => {
    await page.getByRole('columnheader', { name: 'Latency' }).getByRole('button').click();
    await page.getByRole('columnheader', { name: 'Latency' }).and(page.locator('[aria-sort=ascending]')).waitFor();
  });
  assert.ok((await page.getByRole('row').count()) <= 51, 'only one page of rows is in the document');
  await timed('find the slow ones', 5000, async () => {
    await button(page, 'More filters').click();
    await page.getByRole('spinbutton', { name: 'Slower than (ms)' }).fill('2999');
    await page.getByText('3 rows', { exact: true }).waitFor();
  });
  await screenshot(page, 'requests-many');
  assert.deepEqual(problemsOf(page), []);
});

test('FR-006l, UI-1: the list of endpoints tells of one that runs elsewhere and fails, which else looks healthy', async () => {
  let failing = true;
  // as long as requests come and fail, a breaker opens again and again, each time for longer
  const callers = (async () => {
    while (failing) {
      await (await as(people.developer, { ...say('Now fail'), model: 'backup-model' })).text();
      await sleep(100);
    }
  })();
  try {
    await open(page, '/serving/endpoints');
    const row = page.getByRole('row').filter({ hasText: 'backup-model' });
    await shown(row.getByText('Healthy'));
    await shown(row.getByText('Requests fail'), 40_000);
    assert.equal(await page.getByText('Requests fail').count(), 1);
    await screenshot(page, 'endpoints-failing');
  } finally {
    failing = false;
    await callers;
  }
  assert.deepEqual(problemsOf(page), []);
});

test('FR-006l, UI-1: a route is deleted after a question, and its name is refused', async () => {
  await open(page, `/serving/routes/${route.id}`);
  await button(page, 'Delete').click();
  await button(page.getByRole('dialog', { name: 'Delete the name support in dev?' }), 'Delete').click();
  await page.waitForURL(/\/serving\/routes$/);
  await page.getByRole('link', { name: 'support', exact: true }).waitFor({ state: 'detached' });
  await until('it is refused', async () => (await as(people.developer, say('hi'))).status === 404, 10_000);
  const gone = await call(platform.api, people.operator, 'GET', `/serving/routes/${route.id}`);
  assert.equal(gone.status, 404);
  await open(page, `/serving/routes/${route.id}`);
  await shown(page.getByRole('alert').getByText('List the routes').or(page.getByRole('alert')));
});
