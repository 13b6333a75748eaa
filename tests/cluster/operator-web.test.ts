import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { assertAccessible, assertFits, openBrowser, openPage, problemsOf, screenshot } from '../journeys/browser.ts';
import {
  approvedModel,
  ask,
  people,
  startPlatform,
  until,
  type Json,
  type RunningPlatform,
} from '../journeys/harness.ts';
import { startPlane, type Plane } from './plane.ts';
import { faultyImage } from './stages.ts';

/** What an operator sees in a real browser of nodes and endpoints that are in trouble, on a real control plane. */
const margaret = { userId: 'margaret', roles: ['operator'], team: 'platform' };
let plane: Plane;
let platform: RunningPlatform;
let browser: Browser;
let model: Json;

before(async () => {
  plane = await startPlane();
  await plane.addNodes(40, { prefix: 'gpu', gpus: 8, labels: { accelerator: 'h100' } });
  platform = await startPlatform({ KUBECONFIG_PATH: plane.kubeconfig, SERVING_DRAIN_SECONDS: '1' });
  model = await approvedModel(platform.api, 'in-trouble');
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await platform?.stop();
  await plane?.stop();
});

async function assertGood(page: Page, what: string): Promise<void> {
  await assertAccessible(page, what);
  await screenshot(page, what);
  await page.setViewportSize({ width: 390, height: 844 });
  await assertFits(page, what);
  await screenshot(page, `${what}-narrow`);
  await page.setViewportSize({ width: 1280, height: 900 });
  assert.deepEqual(problemsOf(page), []);
}

test('UI-1, ORG-1: of many nodes those that take no pods are counted, and come first', async () => {
  await plane.kubectl(['cordon', 'gpu-37']);
  const page = await openPage(browser, `${platform.url}/serving/cluster`, margaret);
  await page.getByText('40 ready · 1 takes no pods').waitFor({ timeout: 60_000 });
  const first = page.getByRole('region', { name: 'Nodes' }).getByRole('row').nth(1);
  await first.filter({ hasText: 'gpu-37' }).filter({ hasText: 'Cordoned' }).waitFor();
  await assertGood(page, 'operator-nodes');
  await page.context().close();
});

test('UI-1, FR-006r: a first revision that crashes is said to have failed, with its cause, its last lines and what to do', async () => {
  await plane.write(['ValueError: this architecture is not known']);
  const { id } = await ask(platform.api, people.operator, 'POST', '/serving/endpoints', {
    modelId: model.id,
    environment: 'dev',
    route: '/crashing',
    useGpu: true,
    servingRuntimeImage: faultyImage('vllm', 'crash'),
  });
  const page = await openPage(browser, `${platform.url}/serving/endpoints/${id}`, margaret);
  const rollout = page.getByRole('status', { name: 'Rollout' });
  await rollout.getByText('Revision 1 could not be rolled out').waitFor({ timeout: 90_000 });
  await rollout.getByText('correct the cause and redeploy').waitFor();
  assert.equal(await rollout.getByText('is being rolled out').count(), 0);
  await page.getByText('None of 1: revision 1 failed').waitFor();
  const lines = page.getByRole('region', { name: 'Last log lines' });
  await lines.getByText('ValueError: this architecture is not known').waitFor();
  assert.doesNotMatch(await lines.innerText(), /Last log lines/, 'its heading stands above');
  await assertGood(page, 'operator-crash');
  await page.context().close();
});

test('EC-drift, FR-006r: while the API server is away, drift is told as of when it was seen last', async () => {
  const { id } = await ask(platform.api, people.operator, 'POST', '/serving/endpoints', {
    modelId: model.id,
    environment: 'dev',
    route: '/waiting',
    useGpu: true,
    gpuCount: 16,
  });
  const condition = (type: string) =>
    until(type, async () => {
      const { conditions } = await ask(platform.api, people.operator, 'GET', `/serving/endpoints/${id}`);
      return conditions.find((one: Json) => one.type === type);
    });
  const drift = () => ask(platform.api, people.operator, 'GET', `/serving/endpoints/${id}/manifests/drift`);
  await condition('Scheduled');
  const before = Date.now();
  assert.ok(Date.parse((await drift()).checkedAt) >= before);
  await plane.haltApi();
  const { since } = await condition('Cluster');
  assert.equal((await drift()).checkedAt, since);
  const page = await openPage(browser, `${platform.url}/serving/endpoints`, margaret);
  await page.getByRole('row').filter({ hasText: '/waiting' }).getByText('As seen last').waitFor();
  await assertGood(page, 'operator-endpoints-away');
  await page.context().close();
});
