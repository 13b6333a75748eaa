import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { assertAccessible, openBrowser, openPage, problemsOf, screenshot } from '../journeys/browser.ts';
import { person, startPlatform, until, type RunningPlatform } from '../journeys/harness.ts';
import { startProvider, type Provider } from '../journeys/provider.ts';
import { applyDefinitions } from './crds.ts';
import { approvedEntry } from './entry.ts';
import { startPlane, type Plane } from './plane.ts';

/** The pages of organization models in a real browser, on a real control plane. */
let plane: Plane;
let provider: Provider;
let platform: RunningPlatform;
let browser: Browser;
let page: Page;
const rita = { userId: 'rita', roles: ['reviewer'], team: 'alpha' };
const alice = { userId: 'alice', roles: ['operator', 'reviewer'], team: 'alpha' };

before(async () => {
  plane = await startPlane();
  await plane.addNodes(2, { prefix: 'gpu', gpus: 8, labels: { accelerator: 'h100' } });
  provider = await startProvider();
  platform = await onPlane();
  browser = await openBrowser();
  page = await openPage(browser, `${platform.url}/serving/organization-models`, alice);
});
const onPlane = (settings: Record<string, string> = {}) =>
  startPlatform({
    KUBECONFIG_PATH: plane.kubeconfig,
    SERVING_LOCAL_BASE_URL: provider.url,
    SERVING_DRAIN_SECONDS: '1',
    ...settings,
  });
after(async () => {
  await browser?.close();
  await platform?.stop();
  await provider?.close();
  await plane?.stop();
});

const wide = { width: 1280, height: 900 };
const narrow = { width: 390, height: 844 };

/** In light and dark, wide and narrow: axe finds nothing, nothing is cut off, no text is missing. */
async function assertGood(what: string, at = page): Promise<void> {
  for (const [place, size] of [
    ['wide', wide],
    ['narrow', narrow],
  ] as const) {
    await at.setViewportSize(size);
    for (const colorScheme of ['light', 'dark'] as const) {
      await at.emulateMedia({ colorScheme });
      await at.locator(`html.${colorScheme}`).waitFor();
      await assertAccessible(at, `${what}, ${place}, ${colorScheme}`);
      await screenshot(at, `${what}-${place}-${colorScheme}`);
    }
    const [content, screen] = await at.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(content! <= screen!, `${what}, ${place}: ${content} px on ${screen} px`);
  }
  await at.setViewportSize(wide);
  await at.emulateMedia({ colorScheme: 'light' });
  const shown = await at.evaluate(() => document.body.innerText);
  assert.deepEqual(shown.match(/\b(?:shell|serving|organization|changes)(?:\.[a-z]\w*){2,}/g), null, what);
}

test('UI-1, ORG-1: while operators are missing the page says which, why it matters and what to do', async () => {
  await page.getByText('Nothing can be deployed yet').waitFor();
  await page.getByText('podautoscalers.autoscaling.aibrix.ai').waitFor();
  await page.getByText('16 of 16 free').waitFor();
  await page.getByText('No model yet.').waitFor();
  assert.equal(await page.getByRole('link', { name: 'Deploy model' }).count(), 0);
  await assertGood('organization-not-ready');
  const korean = await openPage(browser, `${platform.url}/serving/organization-models`, alice, { locale: 'ko-KR' });
  await korean.getByText('아직 배포할 수 없습니다').waitFor();
  await screenshot(korean, 'organization-not-ready-korean');
  await korean.context().close();
  assert.deepEqual(problemsOf(page), []);
});

test('UI-1, ORG-2, ORG-5: a model is deployed by the form and seen to become healthy', async () => {
  await applyDefinitions(plane, 'aibrix');
  await applyDefinitions(plane, 'gpu-operator');
  // the page looks again by itself
  await page.getByRole('link', { name: 'Deploy model' }).first().click({ timeout: 60_000 });
  await page.getByRole('button', { name: 'Deploy model' }).click();
  await page.getByText('Write it as owner/name.').waitFor();
  await page.getByRole('textbox', { name: 'Hugging Face id' }).fill('Qwen/Qwen3-Coder-30B');
  assert.equal(await page.getByRole('textbox', { name: /^Name/ }).inputValue(), 'qwen3-coder-30b');
  await page.getByRole('textbox', { name: 'Memory of each GPU' }).fill('200Gi');
  // prod asks for plans, which are proposed
  await page.getByRole('textbox', { name: 'Rollback plan' }).fill('Delete it again.');
  await page.getByText('Nothing serves it in prod yet.').waitFor();
  assert.match(
    await page.getByRole('textbox', { name: 'What is kept, and where' }).inputValue(),
    /qwen3-coder-30b in prod/,
  );
  await assertGood('organization-form');
  await page.getByRole('button', { name: 'Deploy model' }).click();
  await page.getByRole('alert').getByText('No node says that its GPUs have 200Gi').waitFor();
  await page.getByRole('textbox', { name: 'Memory of each GPU' }).fill('80Gi');
  await page.getByRole('button', { name: 'Deploy model' }).click();
  await page.getByRole('heading', { level: 1, name: 'qwen3-coder-30b' }).waitFor();
  await page.getByText('Healthy', { exact: true }).waitFor({ timeout: 60_000 });
  await page.getByText('PrometheusOperatorMissing').waitFor();
  await assertGood('organization-model');
  assert.deepEqual(
    problemsOf(page).filter((problem) => !problem.includes('status of 400')),
    [],
  );
});

test('UI-1, ORG-2: it is scaled, and deleted after a question', async () => {
  await page.getByRole('button', { name: 'Scale' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('spinbutton', { name: 'Least replicas' }).press('ArrowUp');
  await dialog.getByText('Running replicas go on as they are.').waitFor();
  await assertAccessible(page, 'the scale dialog');
  await screenshot(page, 'organization-scale');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.waitFor({ state: 'detached' });
  await page.getByText('2 to 8').waitFor();
  await until('two replicas', async () => {
    const found = await plane.kubectl(['-n', 'jan-models', 'get', 'deploy', 'qwen3-coder-30b', '-o', 'json']);
    return JSON.parse(found).status.readyReplicas === 2;
  });
  await page.getByRole('button', { name: 'Delete' }).click();
  await dialog.getByText('Its entry in the catalog stays.').waitFor();
  await assertAccessible(page, 'the question before a deletion');
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('heading', { level: 1, name: 'Organization models' }).waitFor();
  await until('nothing is left of it', async () => {
    const left = await plane.kubectl(['-n', 'jan-models', 'get', 'deploy,svc,podautoscalers', '-o', 'name']);
    return left.trim() === '';
  });
  await page.getByRole('row', { name: /qwen3/ }).waitFor({ state: 'detached', timeout: 60_000 });
  await page.getByText('No model yet.').waitFor();
  assert.deepEqual(problemsOf(page), []);
});

test('UI-1, FR-012, ORG-2: a model that waits for approval says so and leads to its change; approved and applied it runs', async () => {
  await page.context().close();
  await platform.stop();
  platform = await onPlane({ APPROVAL_FOUR_EYES: 'true' });
  const people = { author: person('alice', 'operator', 'alpha'), reviewer: person('rita', 'reviewer', 'alpha') };
  await approvedEntry(platform.api, 'Qwen/Qwen3-Coder-30B', { ...people, team: 'alpha' });
  page = await openPage(browser, `${platform.url}/serving/organization-models/deploy`, alice);
  await page.getByRole('textbox', { name: 'Hugging Face id' }).fill('Qwen/Qwen3-Coder-30B');
  await page.getByText('Somebody else must approve this').waitFor();
  await page.getByRole('button', { name: 'Submit for approval' }).click();
  await page.getByText('Required for prod').first().waitFor();
  await page.getByRole('textbox', { name: 'Rollback plan' }).fill('Delete it again.');
  await assertGood('organization-form-prod');
  await page.getByRole('button', { name: 'Submit for approval' }).click();
  await page.waitForURL(/\/serving\/changes\/[0-9a-f-]{36}$/);
  const address = page.url();
  problemsOf(page);

  await page.goto(`${platform.url}/serving/organization-models`);
  const row = page.getByRole('row', { name: /qwen3/ });
  await row.getByText('Open', { exact: true }).waitFor();
  await assertGood('organization-waiting-list');
  await row.getByRole('link', { name: 'qwen3-coder-30b' }).click();
  await page.getByText('This model waits for approval').waitFor();
  for (const name of ['Scale', 'Edit', 'Delete'])
    assert.equal(await page.getByRole('button', { name, exact: true }).count(), 0, name);
  await page.getByRole('button', { name: 'Withdraw' }).waitFor();
  await assertGood('organization-waiting');
  await page.getByRole('link', { name: 'Open the change' }).click();
  await page.waitForURL(address);

  const review = await openPage(browser, address, rita);
  await review.getByRole('switch', { name: 'Show everything' }).click();
  await review
    .getByText(/PodAutoscaler/)
    .first()
    .waitFor();
  await screenshot(review, 'organization-change');
  await review.getByRole('button', { name: 'Approve', exact: true }).click();
  await review.getByText('Approved', { exact: true }).first().waitFor();
  await review.context().close();

  await page.reload();
  await page.getByRole('button', { name: 'Apply', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Apply', exact: true }).click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.goto(address.replace('/changes/', '/organization-models/'));
  await page.getByText('Healthy', { exact: true }).waitFor({ timeout: 60_000 });
  assert.equal(await page.getByText('This model waits for approval').count(), 0);

  // another configuration waits beside what serves
  await page.getByRole('button', { name: 'Edit', exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox', { name: 'CPU' }).fill('3');
  await dialog.getByText('Somebody else must approve this').waitFor();
  await assertAccessible(page, 'a change of a model in prod');
  await screenshot(page, 'organization-change-form');
  await dialog.getByRole('button', { name: 'Submit for approval' }).click();
  await page.waitForURL(/\/serving\/changes\/[0-9a-f-]{36}$/);
  await page.goto(address.replace('/changes/', '/organization-models/'));
  await page.getByText('A change of this model is not carried out yet').waitFor();
  await assertGood('organization-changing');
  assert.deepEqual(problemsOf(page), []);
});
