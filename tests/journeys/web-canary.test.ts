import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser, Locator, Page } from 'playwright-core';
import { assertAccessible, openBrowser, openPage, screenshot } from './browser.ts';
import {
  approvedModel,
  ask,
  call,
  healthyEndpoint,
  people,
  startPlatform,
  until,
  type Json,
  type RunningPlatform,
} from './harness.ts';

const operator = { userId: 'margaret', roles: ['operator'], team: 'platform' };
const rollout = { timeout: 90_000 };
let platform: RunningPlatform;
let browser: Browser;
let endpoint: Json;

before(async () => {
  platform = await startPlatform({ SERVING_DRAIN_SECONDS: '1' });
  const [model] = await Promise.all([
    approvedModel(platform.api, 'web-canary'),
    openBrowser().then((opened) => (browser = opened)),
  ]);
  endpoint = await healthyEndpoint(platform.api, model.id, '/shared');
});
after(async () => {
  await browser?.close();
  await platform?.stop();
});

const shown = (locator: Locator, timeout = 20_000) => locator.waitFor({ state: 'visible', timeout });
const button = (within: Page | Locator, name: string) => within.getByRole('button', { name, exact: true });
const canary = (): Promise<Json> =>
  ask(platform.api, people.operator, 'GET', `/serving/endpoints/${endpoint.id}/canary`);

/** Requests through the gateway; answers how many went to which revision. */
async function chat(count: number): Promise<Record<string, number>> {
  const went: Record<string, number> = {};
  for (let done = 0; done < count; done += 1) {
    const answer = await fetch(`${platform.api}/serve/shared/chat`, {
      method: 'POST',
      headers: { ...people.developer, 'content-type': 'application/json' },
      body: JSON.stringify({ messages: [{ role: 'user', content: 'Hello' }], max_tokens: 1 }),
    });
    await answer.text();
    assert.equal(answer.status, 200);
    const revision = /revision=(\d+)/.exec(answer.headers.get('x-llmops-route') ?? '')?.[1] ?? '?';
    went[revision] = (went[revision] ?? 0) + 1;
  }
  return went;
}

async function redeploy(page: Page): Promise<void> {
  await button(page, 'Redeploy').click();
  const dialog = page.getByRole('dialog', { name: 'Redeploy /shared' });
  await dialog.getByRole('switch', { name: 'Share the traffic first' }).click();
  await dialog.getByRole('textbox', { name: 'Shares in percent' }).fill('20, 50');
  await dialog.getByRole('switch', { name: 'Go on by itself' }).click();
  await assertAccessible(page, 'redeploy with shares');
  await button(dialog, 'Redeploy').click();
}

test('FR-006, UI-1: in the browser: a new revision shares the traffic, is compared live, gets more by the slider and is taken back', async () => {
  const page = await openPage(browser, `${platform.url}/serving/endpoints/${endpoint.id}`, operator);
  await redeploy(page);
  const panel = page.getByRole('heading', { name: 'Revision 2 beside revision 1' });
  await panel.waitFor(rollout);
  await page.getByRole('slider', { name: 'Share of revision 2' }).waitFor(rollout);
  assert.equal((await canary()).weight, 20);

  const slider = page.getByRole('slider', { name: 'Share of revision 2' });
  await slider.focus();
  for (let step = 20; step < 50; step += 1) await page.keyboard.press('ArrowRight');
  await button(page, 'Set the share').click();
  await shown(page.getByText('Revision 2 gets 50 % of the traffic beside revision 1.').first());
  assert.equal((await canary()).weight, 50);
  await until('both answer', async () => {
    const went = await chat(8);
    return went['1'] !== undefined && went['2'] !== undefined ? true : null;
  });
  await until('both are counted', async () => {
    const { comparison } = await canary();
    return comparison.stable.requests > 0 && comparison.canary.requests > 0 ? true : null;
  });
  const table = page.getByRole('table', { name: 'Requests of both revisions' });
  await shown(
    table
      .getByRole('row')
      .filter({ hasText: '95 % answer within' })
      .filter({ hasText: /\d\s(ms|s)/ }),
  );
  await shown(page.getByText(/Too few requests to tell\.|As good\./));
  await screenshot(page, 'serving-canary');
  await assertAccessible(page, 'a shared endpoint');

  await button(page, 'Take it back').click();
  await button(page.getByRole('dialog', { name: 'Take revision 2 out of the traffic?' }), 'Take it back').click();
  await shown(page.getByText('Revision 2 was taken back; revision 1 answers.'));
  // the rest of the page knows it as well, soon and not at its next look in half a minute
  await page.getByText('is being rolled out').waitFor({ state: 'detached', timeout: 2_000 });
  await until('revision 1 answers alone', async () => {
    const went = await chat(6);
    return went['2'] === undefined ? true : null;
  });
  await page.context().close();
});

test('FR-006, UI-1: all the traffic is given by hand; the panel is accessible in dark, narrow and Korean; who may not deploy only looks', async () => {
  const page = await openPage(browser, `${platform.url}/serving/endpoints/${endpoint.id}`, operator);
  await redeploy(page);
  await page.getByRole('slider', { name: 'Share of revision 3' }).waitFor(rollout);
  const looks = { dark: { dark: true, width: 390 }, korean: { dark: true, locale: 'ko-KR' } };
  const viewer = { userId: 'vera', roles: ['viewer'], team: 'platform' };
  for (const [look, options] of Object.entries(looks)) {
    const other = await openPage(browser, `${platform.url}/serving/endpoints/${endpoint.id}`, viewer, options);
    await shown(other.getByRole('slider'));
    assert.equal(await other.getByRole('slider').isDisabled(), true);
    await screenshot(other, `serving-canary-${look}`);
    await assertAccessible(other, `a shared endpoint (${look})`);
    await other.context().close();
  }
  await button(page, 'Give it all').click();
  await button(page.getByRole('dialog', { name: 'Give revision 3 all the traffic?' }), 'Give it all').click();
  await until('revision 3 serves', async () => {
    const { body } = await call(platform.api, people.operator, 'GET', `/serving/endpoints/${endpoint.id}`);
    return body.data.revision === 3 ? true : null;
  });
  await page
    .getByRole('heading', { name: 'Revision 3 beside revision 1' })
    .waitFor({ state: 'detached', timeout: 30_000 });
  await page.context().close();
});
