import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser, Locator, Page } from 'playwright-core';
import { assertAccessible, openBrowser, openPage, problemsOf, screenshot } from './browser.ts';
import { approvedModel, ask, people, startPlatform, untilStatus, type Json, type RunningPlatform } from './harness.ts';

const operator = { userId: 'margaret', roles: ['operator'], team: 'platform' };
const reviewer = { userId: 'grace', roles: ['reviewer'], team: 'platform' };
/** the first start of an engine also provides for its conversion */
const engineMs = 240_000;
let platform: RunningPlatform;
let browser: Browser;
let dev: Json;

before(async () => {
  platform = await startPlatform({ APPROVAL_FOUR_EYES: 'true' });
  const [model] = await Promise.all([
    approvedModel(platform.api, 'web-change'),
    openBrowser().then((opened) => (browser = opened)),
  ]);
  const wish = { modelId: model.id, environment: 'dev', route: '/reviewed', useGpu: false };
  dev = await ask(platform.api, people.operator, 'POST', '/serving/endpoints', wish);
  dev = await untilStatus(platform.api, dev.id, 'healthy', engineMs);
});
after(async () => {
  await browser?.close();
  await platform?.stop();
});

const shown = (locator: Locator, timeout = 20_000) => locator.first().waitFor({ state: 'visible', timeout });
const button = (within: Page | Locator, name: string) => within.getByRole('button', { name, exact: true });
const topology = (within: Page | Locator) => within.getByRole('table', { name: 'Topology' });

test('FR-012, EC-drift, UI-1: in the browser: a promotion to prod is planned and submitted; its reviewer sees all of it, approves, and it is applied', async () => {
  const page = await openPage(browser, `${platform.url}/serving/endpoints/${dev.id}`, operator);
  await button(page, 'Promote').click();
  const dialog = page.getByRole('dialog', { name: 'Promote /reviewed' });
  await dialog.getByRole('combobox', { name: 'To environment' }).click();
  await page.getByRole('option', { name: 'prod' }).click();
  await shown(dialog.getByText('Somebody else must approve this'));
  const kept = dialog.getByRole('textbox', { name: 'What is kept, and where' });
  assert.match(await kept.inputValue(), /in prod yet[^]*web-change 1\.0\.0/, 'it is proposed for where it goes');
  await dialog.getByRole('textbox', { name: 'Rollback plan' }).fill('Delete it again.');
  await dialog.getByRole('textbox', { name: 'Contact' }).fill('');
  await assertAccessible(page, 'promotion with plans');
  await button(dialog, 'Submit for approval').click();
  await shown(dialog.getByText('Must not be empty.'));
  await dialog.getByRole('textbox', { name: 'Contact' }).fill('margaret, platform');
  await screenshot(page, 'changes-promote');
  await button(dialog, 'Submit for approval').click();
  await page.waitForURL(/\/serving\/changes\/[0-9a-f-]{36}$/);
  await shown(page.getByText('This waits for a reviewer'));
  assert.equal(await button(page, 'Approve').count(), 0, 'not for whoever submitted it');
  const address = page.url();
  await page.context().close();

  const review = await openPage(browser, `${platform.url}/catalog/approvals`, reviewer);
  await shown(review.getByText('Changes of endpoints that wait for approval: 1'));
  await review.getByRole('main').getByRole('link', { name: 'Changes', exact: true }).click();
  await review.waitForURL(/status=open$/);
  await shown(review.getByRole('row').filter({ hasText: '/reviewed' }).filter({ hasText: 'Promotion' }));
  await assertAccessible(review, 'changes');
  await screenshot(review, 'changes-list');
  await review.getByRole('link', { name: '/reviewed' }).click();
  await review.waitForURL(address);
  await shown(review.getByText('margaret, platform'));
  await review.getByRole('switch', { name: 'Show everything' }).click();
  await shown(topology(review).getByRole('row').filter({ hasText: 'Image' }).filter({ hasText: 'llama.cpp' }));
  for (const part of ['Parity', 'Backup plan', 'Maintenance procedure', 'Preflight', 'Changes of the manifests'])
    await shown(review.getByRole('heading', { name: part, exact: true }));
  // everything stands before the decision
  const order = await review.getByRole('heading', { level: 2 }).allTextContents();
  assert.equal(order.at(-1), 'Review');
  await assertAccessible(review, 'change');
  await screenshot(review, 'changes-detail');
  await review.getByRole('textbox', { name: 'Notes' }).fill('Read all of it.');
  await button(review, 'Approve').click();
  await shown(review.getByText('Approved', { exact: true }));
  assert.deepEqual(problemsOf(review), []);
  await review.context().close();

  const again = await openPage(browser, address, operator);
  await button(again, 'Apply').click();
  const sure = again.getByRole('dialog', { name: 'Apply the change of /reviewed in prod?' });
  await button(sure, 'Apply').click();
  await sure.waitFor({ state: 'detached' });
  const [change] = await ask(platform.api, people.operator, 'GET', `/serving/changes?endpointId=${dev.id}`);
  assert.deepEqual([change.status, change.notes, change.revision], ['applied', 'Read all of it.', 1]);
  await untilStatus(platform.api, change.endpointId, 'healthy', engineMs);
  await again.context().close();
});

test('FR-012, UI-1: what changes of an endpoint in prod is shown before and after, dark and narrow too, and is corrected or withdrawn', async () => {
  const [{ endpointId }] = await ask(platform.api, people.operator, 'GET', `/serving/changes?endpointId=${dev.id}`);
  const page = await openPage(browser, `${platform.url}/serving/endpoints/${endpointId}`, operator, {
    dark: true,
    width: 390,
  });
  await button(page, 'Redeploy').click();
  const dialog = page.getByRole('dialog', { name: 'Redeploy /reviewed' });
  await shown(dialog.getByRole('status').filter({ hasText: 'Changed: 0' }));
  assert.equal(await dialog.getByRole('textbox', { name: 'Contact' }).count(), 0, 'a restart needs no plans');
  await dialog.getByRole('textbox', { name: 'Memory limit' }).fill('3Gi');
  const row = topology(dialog).getByRole('row').filter({ hasText: 'Memory limit' });
  await shown(row.filter({ hasText: '3Gi' }).filter({ hasText: 'changes' }));
  await dialog.getByRole('textbox', { name: 'Parity note' }).fill('More load in prod.');
  await screenshot(page, 'changes-redeploy-dark-narrow');
  await button(dialog, 'Submit for approval').click();
  await page.waitForURL(/\/serving\/changes\/[0-9a-f-]{36}$/);
  await shown(page.getByText('More load in prod.'));
  await assertAccessible(page, 'change, dark and narrow');
  await screenshot(page, 'changes-detail-dark-narrow');
  await button(page, 'Amend').click();
  const amend = page.getByRole('dialog', { name: 'Amend the change' });
  await amend.getByRole('textbox', { name: 'Steps' }).fill('Apply it at noon.');
  await button(amend, 'Amend').click();
  await shown(page.getByText('Apply it at noon.'));
  await amend.waitFor({ state: 'detached' });
  await button(page, 'Withdraw').click();
  await button(page.getByRole('dialog', { name: 'Withdraw this change?' }), 'Withdraw').click();
  await shown(page.getByText('Withdrawn', { exact: true }));
  assert.deepEqual(problemsOf(page), []);
  await page.context().close();

  const gone = await openPage(
    browser,
    `${platform.url}/serving/changes/00000000-0000-7000-8000-000000000000`,
    reviewer,
  );
  await shown(gone.getByText('There is no such change.'));
  await gone.context().close();
  const empty = await openPage(browser, `${platform.url}/serving/changes?environment=stg`, reviewer);
  await shown(empty.getByText('Nothing matches these filters.'));
  await empty.context().close();
});
