import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import pino from 'pino';
import type { Browser, Locator, Page } from 'playwright-core';
import { openDatabase } from '../../backend/src/platform/db/index.ts';
import { assertAccessible, assertFits, openBrowser, openPage, problemsOf, screenshot } from './browser.ts';
import { approvedModel, ask, healthyEndpoint, people, startPlatform, type RunningPlatform } from './harness.ts';

const admin = { userId: 'root', roles: ['admin'] };
const wide = { width: 1280, height: 900 };
const narrow = { width: 390, height: 844 };

interface Look {
  name: string;
  path: () => string;
  /** what one comes to the page for; it must be reached by keyboard */
  action: (page: Page) => Locator;
  /** what it says when there is nothing */
  empty?: string;
}
const button = (name: string | RegExp) => (page: Page) => page.getByRole('button', { name }).first();
const link = (name: string | RegExp) => (page: Page) => page.getByRole('main').getByRole('link', { name }).first();

let platform: RunningPlatform;
let browser: Browser;
let page: Page;
let model: { id: string } | null = null;
let endpoint: { id: string } | null = null;
let change: { id: string } | null = null;

const looks: Look[] = [
  { name: 'home', path: () => '/', action: link(/Open chat/) },
  {
    name: 'models',
    path: () => '/catalog/models',
    action: link('Create New Model'),
    empty: 'No model is registered yet.',
  },
  { name: 'model-create', path: () => '/catalog/models/new', action: button('Create model') },
  { name: 'model-import', path: () => '/catalog/models/new?tab=import', action: button('Start import') },
  { name: 'model', path: () => `/catalog/models/${model?.id ?? ''}`, action: link('Deploy') },
  {
    name: 'model-files',
    path: () => `/catalog/models/${model?.id ?? ''}?tab=files`,
    action: button(/^Download config/),
  },
  {
    name: 'model-versions',
    path: () => `/catalog/models/${model?.id ?? ''}?tab=versions`,
    action: button('New version'),
  },
  { name: 'model-lineage', path: () => `/catalog/models/${model?.id ?? ''}?tab=lineage`, action: link(/Endpoint/) },
  {
    name: 'approvals',
    path: () => '/catalog/approvals',
    action: link('waiting'),
    empty: 'Nothing waits for review.',
  },
  {
    name: 'endpoints',
    path: () => '/serving/endpoints',
    action: link('Deploy'),
    empty: 'No endpoint yet. Deploy an approved model to get one.',
  },
  {
    name: 'deploy',
    path: () => `/serving/endpoints/deploy?modelId=${model?.id ?? ''}`,
    action: button('Next'),
    empty: 'No model is approved yet.',
  },
  { name: 'endpoint', path: () => `/serving/endpoints/${endpoint?.id ?? ''}`, action: link('Chat') },
  {
    name: 'endpoint-revisions',
    path: () => `/serving/endpoints/${endpoint?.id ?? ''}?tab=revisions`,
    action: button('Redeploy'),
  },
  {
    name: 'endpoint-pods',
    path: () => `/serving/endpoints/${endpoint?.id ?? ''}?tab=pods`,
    action: link(/^Logs of /),
  },
  {
    name: 'endpoint-events',
    path: () => `/serving/endpoints/${endpoint?.id ?? ''}?tab=events`,
    action: (at) => at.getByRole('switch', { name: 'Warnings only' }),
  },
  {
    name: 'endpoint-logs',
    path: () => `/serving/endpoints/${endpoint?.id ?? ''}?tab=logs`,
    action: button('Pause'),
  },
  {
    name: 'endpoint-manifests',
    path: () => `/serving/endpoints/${endpoint?.id ?? ''}?tab=manifests`,
    action: button('Download YAML'),
  },
  {
    name: 'changes',
    path: () => '/serving/changes',
    action: link('/assistants/glossary'),
    empty: 'No changes yet.',
  },
  { name: 'change', path: () => `/serving/changes/${change?.id ?? ''}`, action: button('Approve') },
  {
    name: 'cluster',
    path: () => '/serving/cluster',
    action: button('Refresh'),
    empty: 'No cluster is configured.',
  },
  {
    name: 'registrations',
    path: () => '/serving/registrations',
    action: button('New registration'),
    empty: 'No name is registered yet; a deployment makes one.',
  },
  {
    name: 'organization-models',
    path: () => '/serving/organization-models',
    action: link('See the endpoints instead'),
  },
  {
    name: 'organization-model-deploy',
    path: () => '/serving/organization-models/deploy',
    action: link('See the endpoints instead'),
  },
  {
    name: 'chat',
    path: () => `/serving/chat/${endpoint?.id ?? ''}`,
    action: (at) => at.getByRole('textbox', { name: 'Message' }),
    empty: 'No endpoint answers yet.',
  },
  {
    name: 'policies',
    path: () => '/governance/policies',
    action: button('New policy'),
    empty: 'No policies yet. Roles alone decide.',
  },
  { name: 'audit', path: () => '/governance/audit', action: button('Export') },
  { name: 'api-keys', path: () => '/governance/api-keys', action: button('New API key'), empty: 'No API keys yet.' },
  { name: 'settings', path: () => '/settings', action: (at) => at.getByRole('textbox', { name: 'Search settings' }) },
  { name: 'not-found', path: () => '/nothing/here', action: link('Go home') },
];

before(async () => {
  platform = await startPlatform();
  browser = await openBrowser();
  page = await openPage(browser, `${platform.url}/`, admin);
});
after(async () => {
  await browser.close();
  await platform.stop();
});

/** The page's heading is there and nothing is still being read. */
async function settled(at: Page): Promise<void> {
  await at.getByRole('heading', { level: 1 }).first().waitFor();
  await at.waitForFunction(() => document.querySelector('main [aria-busy="true"]') === null);
}

async function open(at: Page, path: string): Promise<void> {
  await at.goto(platform.url + path);
  await settled(at);
}

/** A key of a text that is missing is shown as it is written: `catalog.list.title`. */
async function assertNoKeys(at: Page, what: string): Promise<void> {
  const shown = await at.evaluate(() => document.body.innerText);
  assert.deepEqual(
    shown.match(/\b(?:shell|catalog|cluster|serving|governance|organization)(?:\.[a-z]\w*){2,}/g),
    null,
    what,
  );
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

test('UI-1: with nothing in the platform every list says so and offers the first step', async () => {
  for (const { name, path, empty } of looks.filter((look) => look.empty !== undefined)) {
    await open(page, path());
    await page.getByText(empty!).first().waitFor();
    await assertAccessible(page, `${name}, empty`);
    await screenshot(page, `${name}-empty`);
  }
  await open(page, '/');
  await page.getByText('0 of 6 done').waitFor();
  await screenshot(page, 'home-empty');
  assert.deepEqual(problemsOf(page), []);
});

test('UI-1: the first load costs less than 300 KB of gzipped script, measured over the wire', async (context) => {
  const fresh = await openPage(browser, 'about:blank', admin);
  const network = await fresh.context().newCDPSession(fresh);
  await network.send('Network.enable');
  const scripts = new Set<string>();
  let bytes = 0;
  network.on('Network.responseReceived', ({ requestId, type }) => {
    if (type === 'Script') scripts.add(requestId);
  });
  network.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    if (scripts.has(requestId)) bytes += encodedDataLength;
  });
  await open(fresh, '/');
  await fresh.getByText('0 of 6 done').waitFor();
  context.diagnostic(`first load: ${(bytes / 1024).toFixed(1)} KB of script in ${scripts.size} files (limit 300)`);
  assert.ok(scripts.size > 3 && bytes < 300 * 1024, `${bytes} bytes`);
  await fresh.context().close();
});

test('the platform is filled through its API', async () => {
  const approved = await approvedModel(platform.api, 'glossary-llama');
  model = approved;
  endpoint = await healthyEndpoint(platform.api, approved.id, '/assistants/glossary');
  const promotion = { kind: 'promote', endpointId: endpoint?.id, environment: 'prod' };
  const { plan } = await ask(platform.api, people.operator, 'POST', '/serving/changes/preview', promotion);
  change = await ask(platform.api, people.operator, 'POST', '/serving/changes', { ...promotion, change: plan });
  const waiting = await ask(platform.api, people.researcher, 'POST', '/catalog/models', {
    name: 'waiting',
    version: '2.0.0-rc.1',
    type: 'external',
    owner_team: 'platform',
    metadata: { description: 'Waits for review.', provider: 'ollama', model_name: 'x', endpoint: 'http://127.0.0.1:9' },
  });
  await ask(platform.api, people.researcher, 'PATCH', `/catalog/models/${waiting.id}/status`, {
    status: 'under_review',
  });
  await ask(platform.api, people.admin, 'POST', '/governance/policies', {
    name: 'Confidential models stay with their team',
    scope: 'catalog',
    status: 'draft',
    rules: [
      {
        effect: 'deny',
        actions: ['model:read'],
        resources: { type: 'model', match: { 'metadata.classification': 'confidential' } },
        subjects: { roles: ['viewer'] },
        reason: 'Confidential models are for their team.',
      },
    ],
  });
  await ask(platform.api, people.admin, 'POST', '/governance/api-keys', {
    name: 'support-bot',
    team: 'platform',
    roles: ['developer'],
    environments: ['dev'],
  });
});

test('UI-1: the first steps that are behind are a line each; once something was asked they give way to what one goes on with', async () => {
  await open(page, '/');
  await page.getByText('5 of 6 done').waitFor();
  assert.equal(await page.getByText('Weights, config and tokenizer.').count(), 0, 'nobody is told again');
  await screenshot(page, 'home-begun');
  const reviewer = await openPage(browser, platform.url, { userId: 'vera', roles: ['viewer'], team: 'platform' });
  await reviewer.getByText('Somebody with the right to do it does this.').waitFor();
  assert.equal(
    await reviewer
      .getByRole('main')
      .getByRole('link', { name: /Open chat/ })
      .count(),
    0,
  );

  const asked = await fetch(`${platform.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { ...people.developer, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'assistants/glossary', max_tokens: 4, messages: [{ role: 'user', content: 'Hi' }] }),
  });
  assert.equal(asked.status, 200, await asked.text());
  await page.getByText('What needs you, and what you go on with.').waitFor({ timeout: 60_000 });
  assert.equal(await page.getByText('First steps').count(), 0);
  await page.getByRole('main').getByRole('link', { name: 'Deploy' }).waitFor();
  const newest = page.getByRole('main').locator('section').filter({ hasText: 'What is new' });
  await newest.getByRole('link', { name: /Endpoint .*\/assistants\/glossary/ }).waitFor();

  await reviewer.reload();
  await reviewer.getByText('What is new').waitFor();
  assert.equal(await reviewer.getByRole('link', { name: 'Deploy' }).count(), 0, 'a viewer begins nothing');
  assert.deepEqual([...problemsOf(page), ...problemsOf(reviewer)], []);
  await reviewer.context().close();
  const researcher = await openPage(browser, platform.url, { userId: 'ada', roles: ['researcher'], team: 'platform' });
  const own = researcher.getByRole('main').locator('section').filter({ hasText: 'What you made' });
  await own.getByRole('link', { name: /Model waiting/ }).click();
  await researcher.getByRole('heading', { name: /waiting/, level: 1 }).waitFor();
  await researcher.context().close();
});

for (const { name, path, action } of looks) {
  test(`UI-1: ${name} in light and dark, wide and narrow: no error, no other origin, nothing that axe finds, its action by keyboard`, async () => {
    await page.setViewportSize(wide);
    await page.emulateMedia({ colorScheme: 'light' });
    await open(page, path());
    await action(page).waitFor();
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
    assert.deepEqual(problemsOf(page), []);
  });
}

test('UI-1: dialogs open and close by keyboard, give the focus back, and axe finds nothing in them', async () => {
  const dialogs: [string, string, (at: Page) => Locator][] = [
    ['identity', '/', button(/^Signed in as/)],
    ['model-delete', `/catalog/models/${model?.id ?? ''}`, button('Delete')],
    ['version-new', `/catalog/models/${model?.id ?? ''}?tab=versions`, button('New version')],
    ['redeploy', `/serving/endpoints/${endpoint?.id ?? ''}`, button('Redeploy')],
    ['rollback', `/serving/endpoints/${endpoint?.id ?? ''}`, button('Roll back')],
    ['promote', `/serving/endpoints/${endpoint?.id ?? ''}`, button('Promote')],
    ['registration-new', '/serving/registrations', button('New registration')],
    ['policy-new', '/governance/policies', button('New policy')],
    ['api-key-new', '/governance/api-keys', button('New API key')],
    ['audit-entry', '/governance/audit', button(/^Details/)],
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
      if (place === 'wide') await assertAccessible(page, `the dialog ${name}`);
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
  assert.deepEqual(problemsOf(page), []);
});

test('UI-1: on a narrow screen the navigation opens over the page and leads on', async () => {
  await page.setViewportSize(narrow);
  await open(page, '/');
  await page.getByRole('button', { name: 'Open navigation' }).click();
  const menu = page.getByRole('dialog');
  await menu.getByRole('link', { name: 'Models', exact: true }).waitFor();
  await assertAccessible(page, 'the navigation on a narrow screen');
  await screenshot(page, 'navigation-narrow');
  await menu.getByRole('link', { name: 'Models', exact: true }).click();
  await page.getByRole('heading', { name: 'Models', level: 1 }).waitFor();
  await menu.waitFor({ state: 'detached' });
  await page.setViewportSize(wide);
});

test('UI-1: on a narrow screen a row is a card: every column is in sight', async () => {
  await page.setViewportSize(narrow);
  await open(page, '/catalog/models');
  const list = page.getByRole('region', { name: 'Models' });
  await list.getByRole('row', { name: /glossary-llama/ }).waitFor();
  assert.deepEqual(
    await list.evaluate((node) => [node.scrollWidth <= node.clientWidth, getComputedStyle(node).display]),
    [true, 'block'],
  );
  for (const label of ['Version', 'Type', 'Status', 'Owner team', 'Updated'])
    assert.equal(await list.locator(`[data-label="${label}"]:visible`).first().count(), 1, label);
  await page.setViewportSize(wide);
});

test('UI-1: a click beside a form closes it, but not once something was typed; Escape does', async () => {
  await open(page, '/governance/api-keys');
  const dialog = page.getByRole('dialog', { name: 'New API key' });
  const beside = async (): Promise<void> => page.mouse.click(300, 850);
  await button('New API key')(page).click();
  await dialog.waitFor();
  await beside();
  await dialog.waitFor({ state: 'detached' });
  await button('New API key')(page).click();
  await dialog.getByRole('textbox', { name: /^Name/ }).fill('half-written');
  await beside();
  await dialog.getByRole('combobox', { name: 'Roles' }).press('Enter');
  await page.getByRole('option').first().waitFor();
  // a list that is open in it closes alone
  await page.keyboard.press('Escape');
  await page.getByRole('option').first().waitFor({ state: 'detached' });
  assert.equal(await dialog.getByRole('textbox', { name: /^Name/ }).inputValue(), 'half-written');
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await button('New API key')(page).click();
  assert.equal(await dialog.getByRole('textbox', { name: /^Name/ }).inputValue(), '');
  await page.keyboard.press('Escape');
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

test('UI-1, FR-008: when the platform fails every page says what, what to do, and asks again', async () => {
  const api = /\/(llm-ops\/v1\/(?!session)|v1\/organization)/;
  for (const { name, path } of looks.filter((look) => !/create|not-found|endpoint-|model-/.test(look.name))) {
    await page.route(api, (route) => route.fulfill({ status: 503, json: refusal }));
    await page.goto(platform.url + path());
    const failures = page.getByRole('main').getByRole('alert').filter({ hasText: refusal.message });
    const alert = failures.first();
    await alert.waitFor();
    await alert.getByText(refusal.data.remedy).waitFor();
    await alert.getByText(refusal.data.errorId).waitFor();
    for (const [place, size] of [
      ['narrow', narrow],
      ['wide', wide],
    ] as const) {
      await page.setViewportSize(size);
      await assertFits(page, `${name}, failing, ${place}`);
      await screenshot(page, `${name}-failing-${place}`);
    }
    await assertAccessible(page, `${name}, failing`);
    await page.unroute(api);
    // a page with several parts that failed has a button for each
    for (let left = await failures.count(); left > 0; left = await failures.count()) {
      await alert.getByRole('button', { name: 'Try again' }).click();
      await failures.nth(left - 1).waitFor({ state: 'detached' });
    }
  }
  // without the session there is no page at all
  await page.route('**/llm-ops/v1/session**', (route) => route.fulfill({ status: 503, json: refusal }));
  await page.goto(platform.url);
  await page.getByRole('alert').getByText(refusal.message).waitFor();
  await assertAccessible(page, 'a platform that fails');
  await page.unroute('**/llm-ops/v1/session**');
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByText('of 6 done').waitFor();
  const problems = problemsOf(page).filter((problem) => !problem.includes('status of 503'));
  assert.deepEqual(problems, []);
});

test('UI-1: while a list is read its place is kept and said to be loading', async () => {
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  await page.route('**/llm-ops/v1/catalog/models**', async (route) => {
    await held;
    await route.continue();
  });
  await page.goto(`${platform.url}/catalog/models`);
  await page
    .getByRole('status')
    .getByText('Loading…')
    .or(page.getByRole('status', { name: 'Loading…' }))
    .first()
    .waitFor();
  await assertAccessible(page, 'a list that is being read');
  await screenshot(page, 'models-loading');
  release();
  await page.getByRole('row', { name: /glossary-llama/ }).waitFor();
  await page.unroute('**/llm-ops/v1/catalog/models**');
});

test('UI-1: in Korean every page has all its texts', async () => {
  const korean = await openPage(browser, platform.url, admin, { locale: 'ko-KR' });
  for (const { name, path } of looks) {
    await open(korean, path());
    await assertNoKeys(korean, name);
    await assertFits(korean, name);
    assert.equal(await korean.locator('html').getAttribute('lang'), 'ko');
    const said = await korean.evaluate(() => document.body.innerText.match(/[\uac00-\ud7a3]/g)?.length ?? 0);
    assert.ok(said > 30, `${name}: ${said} Korean letters`);
    await screenshot(korean, `${name}-korean`);
  }
  assert.deepEqual(problemsOf(korean), []);
  await korean.context().close();
});

test('UI-1: a catalog of 10,000 models stays quick to open, to filter, to sort and to leaf through', async (context) => {
  const db = await openDatabase({ dataDir: platform.dataDir, guest: true, log: pino({ level: 'silent' }) });
  await db.pool.query(`
    insert into model (id, name, version, type, owner_team, created_by, created_at, updated_at)
    select gen_random_uuid(), 'model-' || lpad(n::text, 5, '0'), '1.0.0', (array['base', 'fine-tuned'])[1 + n % 2], 'platform', 'ada',
           now() - n * interval '1 minute', now() - n * interval '1 minute'
      from generate_series(1, 10000) as n`);
  await db.close();
  const timed = async (what: string, limitMs: number, work: () => Promise<unknown>): Promise<void> => {
    const from = performance.now();
    await work();
    const ms = Math.round(performance.now() - from);
    context.diagnostic(`${what}: ${ms} ms (limit ${limitMs})`);
    assert.ok(ms < limitMs, `${what} took ${ms} ms`);
  };
  const row = (name: string) => page.getByRole('row', { name: new RegExp(name) });
  await timed('open', 5000, async () => {
    await page.goto(`${platform.url}/catalog/models`);
    await row('model-00001').waitFor();
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
    await page.getByRole('columnheader', { name: 'Name' }).getByRole('button').click();
    await page.getByRole('columnheader', { name: 'Name' }).and(page.locator('[aria-sort=ascending]')).waitFor();
  });
  assert.ok((await page.getByRole('row').count()) <= 51, 'only one page of rows is in the document');
  await timed('find one by name', 5000, async () => {
    await page.getByRole('textbox', { name: 'Name' }).fill('model-09999');
    await page.getByText('1 row', { exact: true }).waitFor();
    await row('model-09999').waitFor();
  });
  await screenshot(page, 'models-found');
  assert.deepEqual(problemsOf(page), []);
});
