import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser, Locator, Page } from 'playwright-core';
import { assertAccessible, openBrowser, openPage, screenshot } from './browser.ts';
import { approvedModel, ask, healthyEndpoint, people, startPlatform, type RunningPlatform } from './harness.ts';

const operator = { userId: 'margaret', roles: ['operator'], team: 'platform' };
/** A rollout is looked at every five seconds. */
const rollout = { timeout: 90_000 };
let platform: RunningPlatform;
let browser: Browser;
let model: { id: string; name: string };

before(async () => {
  platform = await startPlatform();
  [model, browser] = await Promise.all([approvedModel(platform.api, 'web-glossary'), openBrowser()]);
});
after(async () => {
  await browser?.close();
  await platform?.stop();
});

const shown = (locator: Locator, timeout = 20_000) => locator.waitFor({ state: 'visible', timeout });
const button = (within: Page | Locator, name: string) => within.getByRole('button', { name, exact: true });
const revisionRow = (page: Page, number: number, ...texts: string[]) => {
  const row = page.getByRole('row').filter({ has: page.getByRole('cell', { name: String(number), exact: true }) });
  return texts.reduce((found, text) => found.filter({ hasText: text }), row);
};
const healthy = (page: Page) => page.getByRole('heading', { level: 1 }).filter({ hasText: 'Healthy' });

/** Through the wizard, as somebody would who makes the usual mistakes. */
async function deployInBrowser(page: Page, route: string): Promise<string> {
  await shown(page.getByRole('heading', { name: 'Deploy a model' }));
  await button(page, 'Next').click();
  await shown(page.getByText('Choose a model.'));
  await page.getByRole('radio', { name: 'web-glossary 1.0.0' }).check();
  await button(page, 'Next').click();

  await page.getByRole('textbox', { name: 'Route' }).fill('/assistants/chat');
  await shown(page.getByText('that is where requests go'));
  await page.getByRole('textbox', { name: 'Route' }).fill(`  ${route.slice(1)}/ `);
  await shown(page.getByRole('status', { name: 'What the route becomes' }).filter({ hasText: route }));
  await button(page, 'Next').click();

  await shown(page.getByRole('radio', { name: 'llama.cpp (local engine)' }));
  await page.getByRole('textbox', { name: 'Memory limit' }).fill('lots');
  await button(page, 'Next').click();
  await shown(page.getByText('Write it as Kubernetes does'));
  await page.getByRole('textbox', { name: 'Memory limit' }).fill('');
  await button(page, 'Next').click();

  await shown(page.getByRole('status', { name: 'Result of the preflight' }).filter({ hasText: 'Everything fits.' }));
  await shown(page.getByRole('img', { name: /needed, .* free/ }));
  await screenshot(page, 'serving-preflight');
  await button(page, 'Deploy').click();
  await page.waitForURL(/\/serving\/endpoints\/[0-9a-f-]{36}$/);
  await shown(healthy(page), 90_000);
  return page.url().split('/').at(-1)!;
}

test('UI-1, FR-006: in the browser: deploy, verify, chat, redeploy, roll back, read the logs, delete', async () => {
  const page = await openPage(browser, `${platform.url}/serving/endpoints`, operator);
  await shown(page.getByText('No endpoint yet.'));
  await page.getByRole('link', { name: 'Deploy' }).first().click();
  const id = await deployInBrowser(page, '/assistants/web');

  await button(page, 'Verify').click();
  await shown(page.getByText('It answered.'));
  await shown(page.getByRole('region', { name: 'curl example' }).filter({ hasText: '"model":"assistants/web"' }));

  await page.getByRole('link', { name: 'Chat', exact: true }).click();
  const stream = page.waitForResponse((response) => response.url().includes('/serve/assistants/web/chat'));
  await page.getByRole('textbox', { name: 'Message' }).fill('What is a revision?');
  await page.keyboard.press('Enter');
  assert.match((await stream).headers()['content-type'] ?? '', /^text\/event-stream/);
  const answer = page.getByRole('article', { name: 'Answer' });
  await shown(answer.filter({ hasText: /\d+ tokens in, \d+ out · first after \d+ ms · all after \d+ ms/ }));
  assert.match(await answer.innerText(), /immutable record/);

  await page.route('**/serve/assistants/web/chat', () => undefined);
  await page.getByRole('textbox', { name: 'Message' }).fill('What is a route?');
  await button(page, 'Send').click();
  await button(page, 'Stop').click();
  await shown(answer.nth(1).filter({ hasText: 'stopped' }));
  await page.unroute('**/serve/assistants/web/chat');
  await button(page, 'Ask again').click();
  await shown(answer.nth(1).filter({ hasText: 'tokens in' }));
  await button(page, 'Clear').click();
  await shown(page.getByText('Ask something'));

  await page.getByRole('link', { name: 'Open endpoint' }).click();
  await button(page, 'Redeploy').click();
  const redeploy = page.getByRole('dialog', { name: 'Redeploy /assistants/web' });
  await redeploy.getByRole('spinbutton', { name: 'Context length' }).fill('256');
  await button(redeploy, 'Redeploy').click();
  await shown(page.getByRole('status', { name: 'Rollout' }).filter({ hasText: 'Revision 1 keeps answering' }));
  await page.getByRole('tab', { name: 'Revisions' }).click();
  await revisionRow(page, 2, 'Redeploy', 'Live').waitFor(rollout);

  await button(page, 'Roll back to revision 1').click();
  await button(page.getByRole('dialog', { name: 'Roll back to revision 1?' }), 'Roll back').click();
  await revisionRow(page, 3, 'Rollback', 'Live').waitFor(rollout);
  await healthy(page).waitFor(rollout);

  await page.getByRole('tab', { name: 'Logs' }).click();
  await shown(page.getByRole('region', { name: 'Log lines' }).filter({ hasText: 'ready:' }));
  await page.getByRole('tab', { name: 'Manifests' }).click();
  await shown(page.getByRole('heading', { name: `LocalEngine serving-${id}` }));

  await button(page, 'Delete').click();
  await button(page.getByRole('dialog', { name: 'Delete /assistants/web in dev?' }), 'Delete').click();
  await page.waitForURL(/\/serving\/endpoints$/);
  await page.getByRole('link', { name: '/assistants/web' }).waitFor({ state: 'detached', timeout: 60_000 });
  await page.context().close();
});

test('UI-1, DEP-reg: registrations are made, switched off, pointed elsewhere and deleted', async () => {
  const endpoint = (route: string) =>
    ask(platform.api, people.operator, 'POST', '/serving/endpoints', {
      modelId: model.id,
      environment: 'dev',
      route,
      useGpu: false,
    });
  await endpoint('/first');
  await endpoint('/second');
  const page = await openPage(browser, `${platform.url}/serving/registrations`, operator);
  await button(page, 'New registration').click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox', { name: 'Name' }).fill('support');
  await dialog.getByRole('combobox', { name: 'Endpoint' }).click();
  await page.getByRole('option', { name: 'first · dev' }).click();
  await button(dialog, 'Create').click();
  const names = page.getByRole('region', { name: 'Registrations' });
  const row = names.getByRole('row').filter({ has: page.getByRole('cell', { name: 'support', exact: true }) });
  await shown(row.getByRole('link', { name: 'first · dev' }));

  await row.getByRole('switch', { name: 'Enable support in dev' }).click();
  await shown(page.getByText('support is refused from now on.').first());
  assert.equal((await ask(platform.api, people.operator, 'GET', '/serving/registrations/support')).enabled, false);

  await button(row, 'Point elsewhere: support in dev').click();
  await dialog.getByRole('combobox', { name: 'Endpoint' }).click();
  await page.getByRole('option', { name: 'second · dev' }).click();
  await button(dialog, 'Save').click();
  await shown(row.getByRole('link', { name: 'second · dev' }));
  await shown(
    page.getByRole('region', { name: 'Routes' }).getByRole('row').filter({ hasText: 'support' }).getByText('100 %'),
  );

  await button(row, 'Delete support in dev').click();
  await button(page.getByRole('dialog', { name: 'Delete the name support in dev?' }), 'Delete').click();
  await row.waitFor({ state: 'detached' });
  await page.context().close();
});

test('EC-drift, UI-1: a difference between environments is shown and must be explained in a parity note', async () => {
  await ask(platform.api, people.operator, 'POST', '/serving/endpoints', {
    modelId: model.id,
    environment: 'dev',
    route: '/drifting',
    useGpu: false,
  });
  const page = await openPage(browser, `${platform.url}/serving/endpoints/deploy?modelId=${model.id}`, operator);
  await page.getByRole('radio', { name: 'web-glossary 1.0.0', checked: true }).waitFor();
  await button(page, 'Next').click();
  await page.getByRole('combobox', { name: 'Environment' }).click();
  await page.getByRole('option', { name: 'prod' }).click();
  await page.getByRole('textbox', { name: 'Route' }).fill('/drifting');
  await button(page, 'Next').click();
  await shown(page.getByText('Required for prod: how will this be taken back?'));
  await page.getByRole('textbox', { name: 'Rollback plan' }).fill('Redeploy the revision before.');
  await button(page, 'Next').click();
  await page.getByRole('textbox', { name: 'Memory limit' }).fill('3Gi');
  await button(page, 'Next').click();
  await shown(page.getByRole('status', { name: 'Result of the preflight' }).filter({ hasText: 'refused' }));
  const differences = page.getByRole('region', { name: 'Differences between environments' });
  await shown(differences.getByRole('row').filter({ hasText: 'memoryLimit' }).filter({ hasText: '3Gi' }));
  await button(page, 'Deploy').click();
  await shown(page.getByRole('alert').filter({ hasText: 'write down why they differ' }));
  // what comes next is typed where it is asked for, not into the plans above
  await page.locator('textarea[name="parityNote"]:focus').waitFor();
  await page.keyboard.type('Production answers longer questions.');
  await button(page, 'Deploy').click();
  await page.waitForURL(/\/serving\/endpoints\/[0-9a-f-]{36}$/);
  await shown(page.getByText('Production answers longer questions.'));
  await page.context().close();
});

test('FR-006j, UI-1: a rollout that fails is shown with its cause and what to do, and the revision before answers on', async () => {
  const { id } = await healthyEndpoint(platform.api, model.id, '/failing');
  const page = await openPage(browser, `${platform.url}/serving/endpoints/${id}`, operator);
  await button(page, 'Redeploy').click();
  const redeploy = page.getByRole('dialog', { name: 'Redeploy /failing' });
  await redeploy.getByRole('textbox', { name: 'Memory request' }).fill('10Mi');
  await redeploy.getByRole('textbox', { name: 'Memory limit' }).fill('20Mi');
  await button(redeploy, 'Redeploy').click();
  const cause = page
    .getByRole('list', { name: 'Conditions' })
    .getByRole('listitem')
    .filter({ hasText: 'RolloutFailed' });
  await cause.filter({ hasText: 'MemoryLimitExceeded' }).filter({ hasText: 'Raise memoryLimit' }).waitFor(rollout);
  await screenshot(page, 'serving-failed-rollout');
  await assertAccessible(page, 'a failed rollout');
  await button(page, 'Verify').click();
  await shown(page.getByText('It answered.'));
  await page.getByRole('tab', { name: 'Revisions' }).click();
  await shown(revisionRow(page, 2, 'Redeploy', 'Failed'));
  await shown(revisionRow(page, 1, 'Live', 'takes the traffic'));
  await page.context().close();
});

test('UI-1: a list that cannot be read says so and can be asked again', async () => {
  const page = await openPage(browser, `${platform.url}/settings`, operator);
  await page.route('**/llm-ops/v1/serving/endpoints?*', (request) => void request.abort());
  await page.getByRole('link', { name: 'Endpoints' }).first().click();
  const refused = page.getByRole('alert').filter({ hasText: 'The platform cannot be reached.' });
  await shown(refused);
  await page.unroute('**/llm-ops/v1/serving/endpoints?*');
  await button(page, 'Try again').click();
  await refused.waitFor({ state: 'detached' });
  await shown(page.getByRole('link', { name: '/drifting' }).first());
  await page.context().close();
});

test('UI-1: somebody who may not deploy is told so and what to ask for', async () => {
  const viewer = { userId: 'vera', roles: ['viewer'], team: 'platform' };
  const page = await openPage(browser, `${platform.url}/serving/endpoints/deploy`, viewer);
  await shown(page.getByText('You may not deploy to any environment.'));
  await page.goto(`${platform.url}/serving/endpoints`);
  await shown(page.getByRole('heading', { name: 'Endpoints' }));
  assert.equal(await page.getByRole('link', { name: 'Deploy' }).count(), 0);
  await page.context().close();
});

test('UI-1: every serving page is accessible, in light and dark, wide and narrow, in English and Korean', async () => {
  const endpoint = await healthyEndpoint(platform.api, model.id, '/looked-at');
  const detail = `/serving/endpoints/${endpoint.id}`;
  const pages = {
    endpoints: '/serving/endpoints',
    endpoint: detail,
    revisions: `${detail}?tab=revisions`,
    logs: `${detail}?tab=logs`,
    manifests: `${detail}?tab=manifests`,
    deploy: `/serving/endpoints/deploy?modelId=${model.id}`,
    registrations: '/serving/registrations',
    chat: `/serving/chat/${endpoint.id}`,
    missing: '/serving/endpoints/00000000-0000-7000-8000-000000000000',
  };
  const looks = { light: {}, dark: { dark: true, width: 390 }, korean: { dark: true, locale: 'ko-KR' } };
  for (const [look, options] of Object.entries(looks)) {
    const page = await openPage(browser, platform.url, operator, options);
    for (const [name, path] of Object.entries(pages)) {
      await page.goto(platform.url + path);
      await shown(page.getByRole('heading', { level: 1 }));
      // not until the network is idle: what is live stays connected
      await page.waitForFunction(() => document.querySelector('main [aria-busy="true"]') === null);
      await page.waitForTimeout(300);
      await screenshot(page, `serving-${name}-${look}`);
      await assertAccessible(page, `${name} (${look})`);
    }
    await page.context().close();
  }
});
