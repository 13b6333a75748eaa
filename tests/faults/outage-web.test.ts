import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { provisionPostgres, type PostgresServer } from '../../scripts/provision/postgres.ts';
import { assertAccessible, assertFits, openBrowser, openPage, screenshot } from '../journeys/browser.ts';
import { ask, people, startPlatform, type RunningPlatform } from '../journeys/harness.ts';

/** What somebody sees who works while the database of the platform goes away and comes back. */
const root = { userId: 'root', roles: ['admin'], team: 'platform' };
/** Without a request of the page's own the platform is looked at each 15 s. */
const noticed = { timeout: 40_000 };
let postgres: PostgresServer;
let platform: RunningPlatform;
let browser: Browser;

before(async () => {
  [postgres, browser] = await Promise.all([provisionPostgres(), openBrowser()]);
  platform = await startPlatform({
    DATABASE_URL: await postgres.createDatabase('outage'),
    SECRETS_KEY: randomBytes(32).toString('base64'),
  });
  const body = { name: 'seen-before', version: '1', type: 'base', owner_team: 'platform' };
  await ask(platform.api, people.researcher, 'POST', '/catalog/models', body);
});
after(async () => {
  await browser?.close();
  await platform?.stop();
  await postgres?.stop();
});

const notice = (page: Page) =>
  page.getByRole('alert').filter({ hasText: 'The platform lacks what it works with: the database' });

test('UI-1, reliability database: pages say that the database is away, keep what is typed, and come back by themselves', async () => {
  const typing = await openPage(browser, `${platform.url}/catalog/models/new`, root);
  const name = typing.getByRole('textbox', { name: /^Name/ });
  await name.fill('typed-before');
  const context = typing.context();
  const open = async (route: string): Promise<Page> => {
    const page = await context.newPage();
    await page.goto(`${platform.url}${route}`);
    return page;
  };
  // one that reads again by itself, two that do not, and one that asks for what the database does not have a part in
  const pages = await Promise.all(
    ['/catalog/models', '/governance/budgets', '/governance/audit', '/serving/cluster'].map(open),
  );
  const [models, budgets] = pages as [Page, Page, ...Page[]];
  await models.getByText('seen-before').waitFor();
  await budgets.getByText('No budget yet', { exact: false }).waitFor();

  await postgres.halt();
  for (const page of [typing, ...pages]) await notice(page).waitFor(noticed);
  assert.ok(await models.getByText('seen-before').isVisible(), 'what was read before is still there');
  const opened = await open('/governance/prices');
  await notice(opened).waitFor(noticed);
  await assertAccessible(typing, 'the notice');
  for (const [size, width] of [
    ['wide', 1280],
    ['narrow', 390],
  ] as const) {
    await typing.setViewportSize({ width, height: 844 });
    await assertFits(typing, `the notice, ${size}`);
    await screenshot(typing, `outage-${size}`);
  }

  await postgres.start();
  const all = [typing, ...pages, opened];
  for (const page of all) await notice(page).waitFor({ state: 'detached', ...noticed });
  for (const page of all) await page.getByRole('alert').waitFor({ state: 'detached' });
  await opened.getByRole('heading', { level: 1 }).waitFor();
  assert.equal(await name.inputValue(), 'typed-before');
});

test('UI-1: a platform that cannot be reached is told as that', async () => {
  const page = await openPage(browser, `${platform.url}/governance/audit`, root);
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page.context().setOffline(true);
  const away = page.getByRole('alert').filter({ hasText: 'The platform cannot be reached.' });
  await away.waitFor(noticed);
  await page.context().setOffline(false);
  await away.waitFor({ state: 'detached', ...noticed });
});
