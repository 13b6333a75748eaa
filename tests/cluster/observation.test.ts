import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser, Locator, Page } from 'playwright-core';
import { assertAccessible, openBrowser, openPage, problemsOf, screenshot } from '../journeys/browser.ts';
import {
  approvedModel,
  ask,
  call,
  people,
  person,
  startPlatform,
  until,
  type Json,
  type Person,
  type RunningPlatform,
} from '../journeys/harness.ts';
import { startPlane, type Plane } from './plane.ts';
import { faultyImage } from './stages.ts';

/** What people see of a cluster: the real server and the real browser on a real control plane. */
let plane: Plane;
let platform: RunningPlatform;
let browser: Browser;
let model: Json;
/** its image cannot be pulled: it stays as it is for long */
let stuck: Json;
const canary = 'hf_canary0123456789abcdef';
const operator = { userId: 'margaret', roles: ['operator'], team: 'platform' };

before(async () => {
  plane = await startPlane();
  await plane.addNodes(24, { prefix: 'gpu-h100', gpus: 8, labels: { accelerator: 'h100' } });
  await plane.addNodes(6, { prefix: 'gpu-a100', gpus: 4, labels: { accelerator: 'a100' } });
  await plane.addNodes(2, { prefix: 'cpu', gpus: 0 });
  await plane.write([
    'INFO loading weights',
    `INFO args: {'hf_token': '${canary}'}`,
    'ValueError: no such option: --speed',
  ]);
  [platform, browser] = await Promise.all([
    startPlatform({ KUBECONFIG_PATH: plane.kubeconfig, SERVING_DRIFT_REPAIR: '' }),
    openBrowser(),
  ]);
  model = await approvedModel(platform.api, 'on-cluster');
  stuck = await deploy({
    route: '/stuck',
    servingRuntimeImage: faultyImage('vllm', 'image-pull'),
    env: { HF_TOKEN: canary },
    args: ['--speed', 'high'],
  });
});
after(async () => {
  await browser?.close();
  await platform?.stop();
  await plane?.stop();
});

const deploy = (body: object): Promise<Json> =>
  ask(platform.api, people.operator, 'POST', '/serving/endpoints', {
    modelId: model.id,
    environment: 'dev',
    useGpu: true,
    minReplicas: 1,
    ...body,
  });
const read = (path: string, who: Person = people.operator): Promise<Json> =>
  ask(platform.api, who, 'GET', `/serving/endpoints/${stuck.id}${path}`);

/** Reads server-sent events into a list until it is told to leave. */
async function follow(path: string, who: Person = people.operator) {
  const leaving = new AbortController();
  const response = await fetch(`${platform.api}${path}`, {
    headers: { ...who, accept: 'text/event-stream' },
    signal: leaving.signal,
  });
  const heard = { text: '', ended: false };
  const reading = (async () => {
    const decoder = new TextDecoder();
    try {
      for await (const chunk of response.body!) heard.text += decoder.decode(chunk, { stream: true });
    } catch {
      // we left
    }
    heard.ended = true;
  })();
  return {
    response,
    heard,
    events: (name: string): Json[] =>
      heard.text
        .split('\n\n')
        .filter((event) => event.startsWith(`event: ${name}\n`))
        .map((event) => JSON.parse(event.slice(event.indexOf('data: ') + 6)) as Json),
    async leave() {
      leaving.abort();
      await reading;
    },
  };
}

test('FR-006h, FR-006r: pods and events of an endpoint by the API, with cause and object', async () => {
  const [pod] = await until('a pod', async () => {
    const pods = await read('/pods');
    return pods[0]?.reason === 'ImagePullBackOff' ? pods : null;
  });
  assert.match(pod.node, /^gpu-/);
  assert.deepEqual([pod.revision, pod.ready, pod.restarts], [1, false, 0]);
  const events = await until('its event', async () => {
    const found = await read('/events');
    return found.some(({ message }: Json) => message === 'Error: ErrImagePull') ? found : null;
  });
  assert.ok(events.some(({ source, reason }: Json) => source === 'llm-ops' && reason === 'Created'));
  const times = events.map(({ lastSeen }: Json) => lastSeen);
  assert.deepEqual(times, times.toSorted().toReversed());
});

test('FR-006h: logs are followed as server-sent events without secrets; a stream beats while nothing happens and ends with its reader', async () => {
  const [{ name: pod }] = await read('/pods');
  const logs = await follow(`/serving/endpoints/${stuck.id}/logs?pod=${pod}&lines=50`);
  assert.match(logs.response.headers.get('content-type')!, /^text\/event-stream/);
  await until('the lines', async () => logs.events('line').length >= 3);
  await plane.write([`INFO one more ${canary}`]);
  await until('one more', async () => logs.events('line').some(({ text }: Json) => text.includes('one more')));
  await until('a beat', async () => logs.heard.text.split(': \n\n').length >= 3, 20_000);
  assert.ok(!logs.heard.text.includes(canary));
  assert.ok(logs.heard.text.includes("'hf_token': '[redacted]'"));
  await logs.leave();
  const unknown = await call(platform.api, people.operator, 'GET', `/serving/endpoints/${stuck.id}/logs?pod=x`);
  assert.deepEqual([unknown.status, unknown.body.data.code], [404, 'pod_not_found']);
});

test('FR-010: who may not see an endpoint sees nothing that runs for it, live neither', async () => {
  const hidden = await deploy({ route: '/hidden' });
  await plane.kubectl(['version']);
  const stranger = person('eve', 'viewer', 'elsewhere');
  await ask(platform.api, people.admin, 'POST', '/governance/policies', {
    name: 'Nobody elsewhere',
    scope: 'serving',
    status: 'active',
    rules: [
      {
        effect: 'deny',
        actions: ['endpoint:read'],
        resources: { type: 'endpoint', match: { route: '/hidden' } },
        subjects: { teams: ['elsewhere'] },
        reason: 'Not theirs.',
      },
    ],
  });
  await until('the policy holds', async () => {
    const { status } = await call(platform.api, stranger, 'GET', `/serving/endpoints/${hidden.id}/pods`);
    return status === 403;
  });
  for (const path of [
    'pods',
    'events',
    'logs',
    'manifests/drift',
    'revisions/1/manifests',
    'revisions/1/manifests.yaml',
  ]) {
    const { status } = await call(platform.api, stranger, 'GET', `/serving/endpoints/${hidden.id}/${path}`);
    assert.equal(status, 403, path);
  }
  const refused = await follow(`/serving/endpoints/${hidden.id}/events`, stranger);
  assert.equal(refused.response.status, 403);
  await refused.leave();
  // a right that is taken away ends what is open
  const open = await follow(`/serving/endpoints/${stuck.id}/events`, stranger);
  assert.equal(open.response.status, 200);
  await ask(platform.api, people.admin, 'POST', '/governance/policies', {
    name: 'Nobody elsewhere at all',
    scope: 'serving',
    status: 'active',
    rules: [
      {
        effect: 'deny',
        actions: ['endpoint:read'],
        resources: { type: 'endpoint', match: { route: '/stuck' } },
        subjects: { teams: ['elsewhere'] },
        reason: 'Not theirs any more.',
      },
    ],
  });
  await until('it ends', async () => open.heard.ended, 20_000);
  assert.equal(open.events('failure')[0].code, 'permission_denied');
});

test('FR-012: manifests of a revision as YAML are taken by the cluster, hold no secret, and two revisions are compared', async () => {
  const made = await deploy({ route: '/exported', env: { HF_TOKEN: canary, GREETING: 'hello' } });
  const yaml = await ask(
    platform.api,
    people.operator,
    'GET',
    `/serving/endpoints/${made.id}/revisions/1/manifests.yaml`,
  );
  assert.ok(!yaml.includes(canary) && !yaml.includes('hello'), yaml.slice(0, 500));
  assert.match(yaml, /^# \/exported in dev: revision 1/);

  // as somebody would elsewhere: here its objects are already, and are the platform's
  const elsewhere = yaml.replaceAll(made.id, '00000000-0000-7000-8000-000000000000');
  const taken = await plane.kubectl(
    ['apply', '--server-side', '--force-conflicts', '--dry-run=server', '-f', '-'],
    elsewhere,
  );
  for (const kind of ['deployment.apps', 'service', 'horizontalpodautoscaler', 'ingress', 'poddisruptionbudget'])
    assert.match(taken, new RegExp(`^${kind}.*serverside-applied`, 'm'));
  await ask(platform.api, people.operator, 'POST', `/serving/endpoints/${made.id}/redeploy`, {
    servingRuntimeImage: 'vllm/vllm-openai:v0.16.0',
    probes: { readiness: { path: '/ready' } },
    env: { HF_TOKEN: canary, GREETING: 'good day' },
  });
  const { differences } = await ask(
    platform.api,
    people.operator,
    'GET',
    `/serving/endpoints/${made.id}/revisions/2/manifests/compare/1`,
  );
  const paths = differences.map(({ path }: Json) => path.replace(/^.*containers\[serving\]\./, ''));
  for (const path of ['image', 'env[GREETING].value', 'readinessProbe.httpGet.path'])
    assert.ok(paths.includes(path), path);
  assert.ok(!paths.includes('env[HF_TOKEN].value'));
  assert.ok(!JSON.stringify(differences).includes('good day'));
  await ask(platform.api, people.operator, 'DELETE', `/serving/endpoints/${made.id}`);
});

const shown = (locator: Locator, timeout = 30_000) => locator.first().waitFor({ state: 'visible', timeout });
const tab = (page: Page, name: string) => page.getByRole('tab', { name, exact: true });

test('UI-1, FR-006h: in the browser: a broken image is deployed; cause, remedy, event and log line stand on the page', async () => {
  const page = await openPage(browser, `${platform.url}/serving/endpoints/deploy?modelId=${model.id}`, operator);
  await shown(page.getByRole('radio', { name: 'on-cluster 1.0.0' }));
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByRole('textbox', { name: 'Route' }).fill('/broken');
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByRole('radio', { name: 'Another image' }).check();
  await page.getByRole('textbox', { name: /^Image/ }).fill(faultyImage('vllm', 'crash'));
  await page.getByText('Probes', { exact: true }).click();
  await page.getByRole('group', { name: 'Readiness' }).getByRole('textbox', { name: 'Path' }).fill('/ready');
  await assertAccessible(page, 'the runtime step with probes');
  await screenshot(page, 'cluster-deploy-runtime');
  await page.getByRole('button', { name: 'Next' }).click();
  await shown(page.getByRole('status', { name: 'Result of the preflight' }));
  await page.getByRole('button', { name: 'Deploy', exact: true }).click();
  await page.waitForURL(/\/serving\/endpoints\/[0-9a-f-]{36}$/);
  await shown(page.getByRole('list', { name: 'Conditions' }).filter({ hasText: 'CrashLoopBackOff' }), 60_000);
  await screenshot(page, 'cluster-broken');
  await tab(page, 'Events').click();
  await shown(page.getByRole('list', { name: 'Events' }).filter({ hasText: 'Back-off restarting failed container' }));
  await shown(page.getByRole('status', { name: 'Connection' }).filter({ hasText: 'Live' }));
  await assertAccessible(page, 'events');
  await shown(page.getByText('no such option'));
  assert.ok(!(await page.locator('body').innerText()).includes(canary));
  await screenshot(page, 'cluster-events');
  await tab(page, 'Logs').click();
  const lines = page.getByRole('region', { name: 'Log lines' });
  await shown(lines.filter({ hasText: 'ValueError: no such option: --speed' }));
  await page.getByRole('searchbox', { name: 'Search lines' }).fill('valueerror');
  await shown(page.getByText(/^1 of \d+ lines$/));
  assert.equal(await lines.locator('mark').innerText(), 'ValueError');
  await assertAccessible(page, 'logs');
  assert.deepEqual(problemsOf(page), []);
  await page.context().close();
});

test('UI-1, FR-006: in the browser: how far an endpoint grows, and by which metric, is set when it is deployed and changed later', async () => {
  const page = await openPage(browser, `${platform.url}/serving/endpoints/deploy?modelId=${model.id}`, operator);
  await shown(page.getByRole('radio', { name: 'on-cluster 1.0.0' }));
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByRole('textbox', { name: 'Route' }).fill('/growing');
  assert.equal(await page.getByRole('group', { name: 'Grow and shrink by' }).count(), 0, 'one replica has no goal');
  await page.getByRole('spinbutton', { name: 'Most replicas' }).fill('4');
  await page.keyboard.press('Tab');
  const goals = page.getByRole('group', { name: 'Grow and shrink by' });
  await goals.getByRole('textbox', { name: 'Metric of the pods' }).fill('vllm:num_requests_waiting');
  await page.getByRole('button', { name: 'Next' }).click();
  await shown(goals.getByText('Write a number, such as 40'));
  await goals.getByRole('textbox', { name: 'Average for each' }).fill('5');
  await goals.getByRole('spinbutton', { name: 'GPU, percent' }).fill('80');
  await page.getByRole('button', { name: 'Next' }).hover();
  await page.waitForTimeout(300);
  await assertAccessible(page, 'the step of place with goals, a button under the pointer');
  await screenshot(page, 'cluster-deploy-goals');
  for (const step of ['runtime', 'preflight']) {
    await page.getByRole('button', { name: 'Next' }).click();
    if (step === 'runtime') await shown(page.getByText('Resources', { exact: true }));
  }
  await shown(page.getByRole('status', { name: 'Result of the preflight' }));
  await page.getByRole('button', { name: 'Deploy', exact: true }).click();
  await page.waitForURL(/\/serving\/endpoints\/[0-9a-f-]{36}$/);
  const id = page.url().slice(-36);
  const scaling = async () => {
    const { minReplicas, maxReplicas, autoscalePolicy } = await ask(
      platform.api,
      people.operator,
      'GET',
      `/serving/endpoints/${id}`,
    );
    return { minReplicas, maxReplicas, autoscalePolicy };
  };
  const metric = { name: 'vllm:num_requests_waiting', target: '5' };
  assert.deepEqual(await scaling(), {
    minReplicas: 1,
    maxReplicas: 4,
    autoscalePolicy: { gpuUtilization: 80, metric },
  });
  await page.getByRole('button', { name: 'Scale' }).click();
  const dialog = page.getByRole('dialog', { name: 'Scale /growing' });
  await dialog.getByRole('spinbutton', { name: 'GPU, percent' }).fill('');
  await dialog.getByRole('textbox', { name: 'Wait before shrinking' }).fill('10m');
  await page.mouse.move(0, 0);
  await page.waitForTimeout(300);
  await assertAccessible(page, 'scaling');
  await screenshot(page, 'cluster-scale');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await shown(page.getByText('Scaling changed'));
  await shown(page.getByText('vllm:num_requests_waiting at 5'));
  assert.deepEqual(await scaling(), {
    minReplicas: 1,
    maxReplicas: 4,
    autoscalePolicy: { metric: { ...metric, scaleDownDelay: '10m' } },
  });
  assert.deepEqual(problemsOf(page), []);
  await page.context().close();
});

test('UI-1, FR-006h, EC-drift: in the browser: pods, their live logs held still and let go, manifests compared and checked against the cluster', async () => {
  const page = await openPage(browser, `${platform.url}/serving/endpoints/${stuck.id}?tab=pods`, operator);
  await shown(page.getByRole('row').filter({ hasText: 'ImagePullBackOff' }));
  await assertAccessible(page, 'pods');
  await screenshot(page, 'cluster-pods');
  await page.getByRole('link', { name: /^Logs of serving-/ }).click();
  const lines = page.getByRole('region', { name: 'Log lines' });
  await shown(lines.filter({ hasText: 'INFO loading weights' }));
  await page.getByRole('button', { name: 'Pause' }).click();
  await plane.write(['INFO while it was held']);
  await shown(page.getByRole('button', { name: /^Go on, 1 new/ }));
  assert.ok(!(await lines.innerText()).includes('while it was held'));
  await page.getByRole('button', { name: /^Go on/ }).click();
  await shown(lines.filter({ hasText: 'while it was held' }));
  assert.ok(!(await lines.innerText()).includes(canary));
  await screenshot(page, 'cluster-logs');

  await plane.kubectl(['-n', 'llm-ops-dev', 'set', 'env', `deploy/serving-${stuck.id}-r1`, 'HF_TOKEN=hand-canary']);
  await tab(page, 'Manifests').click();
  await shown(page.getByRole('heading', { name: `Deployment serving-${stuck.id}-r1` }));
  await shown(page.getByText('Changed by somebody else'));
  await shown(page.getByRole('rowheader', { name: /HF_TOKEN/ }));
  await shown(page.getByText('by kubectl-set'));
  assert.ok(!(await page.locator('body').innerText()).includes('hand-canary'));
  await assertAccessible(page, 'manifests');
  await screenshot(page, 'cluster-manifests');
  const saved = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download YAML' }).click();
  assert.match((await saved).suggestedFilename(), /\.yaml$/);

  await page.getByRole('button', { name: 'Redeploy' }).click();
  const dialog = page.getByRole('dialog', { name: 'Redeploy /stuck' });
  await dialog.getByRole('radio', { name: 'Another image' }).check();
  await dialog.getByRole('textbox', { name: /^Image/ }).fill('vllm/vllm-openai:v0.16.0');
  await assertAccessible(page, 'redeploy with an image');
  await screenshot(page, 'cluster-redeploy');
  await dialog.getByRole('button', { name: 'Redeploy' }).click();
  await dialog.waitFor({ state: 'detached' });
  await page.getByRole('combobox', { name: 'Compare manifests' }).click();
  await page.getByRole('option', { name: 'with revision 1' }).click();
  await shown(page.getByRole('row').filter({ hasText: 'vllm/vllm-openai:v0.16.0' }));
  await assertAccessible(page, 'manifests compared');
  await screenshot(page, 'cluster-compare');
  await page.getByRole('switch', { name: 'Whole files side by side' }).click();
  await shown(page.getByRole('region', { name: 'Revision 2' }).filter({ hasText: 'vllm-openai:v0.16.0' }));
  await screenshot(page, 'cluster-compare-files');
  assert.deepEqual(problemsOf(page), []);
  await page.context().close();
});

test('ORG-1, FR-009, UI-1: in the browser: the cluster with its GPUs, in light, dark, narrow and Korean; away, it says since when', async () => {
  await plane.kubectl(['cordon', 'gpu-a100-1']);
  const quota = {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'gpus', namespace: 'llm-ops-dev' },
    spec: { hard: { 'requests.nvidia.com/gpu': '4', 'requests.memory': '64Gi' } },
  };
  await plane.kubectl(['apply', '-f', '-'], JSON.stringify(quota));
  const page = await openPage(browser, `${platform.url}/serving/cluster`, operator);
  await shown(page.getByRole('img', { name: /^h100: \d+ of 192 GPUs on 24 nodes/ }));
  await shown(page.getByText('requests.nvidia.com/gpu'));
  const install = page.getByRole('link', { name: 'How to install KServe' });
  assert.match((await install.getAttribute('href'))!, /^https:\/\/kserve\.github\.io\//);
  await page.getByRole('textbox', { name: 'Node' }).fill('a100-1');
  await shown(page.getByRole('row').filter({ hasText: 'gpu-a100-1' }).filter({ hasText: 'Cordoned' }));
  await page.getByRole('textbox', { name: 'Node' }).fill('');
  await shown(page.getByRole('row').filter({ hasText: 'gpu-h100-2' }));
  for (const [place, width] of [
    ['wide', 1280],
    ['narrow', 390],
  ] as const)
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme });
      await page.locator(`html.${colorScheme}`).waitFor();
      await assertAccessible(page, `the cluster, ${place}, ${colorScheme}`);
      const [content, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok(content! <= screen!, `${place}: ${content} px on ${screen}`);
      await screenshot(page, `cluster-${place}-${colorScheme}`);
    }
  await page.setViewportSize({ width: 1280, height: 900 });
  await plane.haltApi();
  await shown(page.getByRole('alert').filter({ hasText: 'cannot be reached since' }), 60_000);
  await shown(page.getByRole('row').filter({ hasText: 'gpu-h100-2' }));
  await assertAccessible(page, 'the cluster, away');
  await screenshot(page, 'cluster-away');
  await plane.resumeApi();
  await page.getByRole('alert').waitFor({ state: 'detached', timeout: 90_000 });
  assert.deepEqual(problemsOf(page), []);
  await page.context().close();
  const korean = await openPage(browser, `${platform.url}/serving/cluster`, operator, { locale: 'ko-KR' });
  await shown(korean.getByRole('heading', { name: '클러스터', level: 1 }));
  await shown(korean.getByText('GPU 할당'));
  await screenshot(korean, 'cluster-ko');
  await korean.context().close();
});

test('FR-006h: a server that ends does not wait for those who follow', async () => {
  const open = await follow(`/serving/endpoints/${stuck.id}/events`);
  await until('it is open', async () => open.events('event').length > 0);
  const from = performance.now();
  await platform.stop();
  assert.ok(performance.now() - from < 10_000, `${performance.now() - from} ms`);
  await until('it has ended', async () => open.heard.ended);
});
