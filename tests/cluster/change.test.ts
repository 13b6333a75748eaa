import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  approvedModel,
  ask,
  call,
  people,
  person,
  startPlatform,
  until,
  type Json,
  type RunningPlatform,
} from '../journeys/harness.ts';
import type { Browser } from 'playwright-core';
import { assertAccessible, openBrowser, openPage, problemsOf, screenshot } from '../journeys/browser.ts';
import { startProvider, type Provider } from '../journeys/provider.ts';
import { applyDefinitions } from './crds.ts';
import { startPlane, type Plane } from './plane.ts';

/** A change of prod on a real control plane: what its approver reads, and what is exported of it for Git. */
let plane: Plane;
let provider: Provider;
let platform: RunningPlatform;
let browser: Browser;
let dev: Json;
const canary = 'hf_canary0123456789abcdef';
const reviewer = person('rita', 'reviewer', 'platform');

before(async () => {
  plane = await startPlane();
  await plane.addNodes(2, { prefix: 'gpu', gpus: 8, labels: { accelerator: 'h100' } });
  provider = await startProvider();
  platform = await startPlatform({
    KUBECONFIG_PATH: plane.kubeconfig,
    SERVING_LOCAL_BASE_URL: provider.url,
    SERVING_RUNTIME_IMAGE: 'vllm/vllm-openai:v0.15.0',
    SERVING_QUOTA_PROD: 'pods=100',
    APPROVAL_FOUR_EYES: 'true',
  });
  const model = await approvedModel(platform.api, 'changed');
  dev = await operator('POST', '/serving/endpoints', {
    modelId: model.id,
    environment: 'dev',
    route: '/changed',
    useGpu: true,
    env: { HF_TOKEN: canary },
    rollbackPlan: 'Back to the revision before.',
  });
  await healthy(dev.id);
});
after(async () => {
  await browser?.close();
  await platform?.stop();
  await provider?.close();
  await plane?.stop();
});

const operator = (method: string, route: string, body?: object): Promise<Json> =>
  ask(platform.api, people.operator, method, route, body);
const healthy = (id: string): Promise<Json> =>
  until(
    'healthy',
    async () => {
      const found = await operator('GET', `/serving/endpoints/${id}`);
      return found.status === 'healthy' ? found : null;
    },
    60_000,
  );

test('FR-012, DEP-5: a promotion to prod waits for its approver, who sees clusters, objects and plans, and is then carried out', async () => {
  const promotion = { kind: 'promote', endpointId: dev.id, environment: 'prod' };
  const direct = await call(platform.api, people.operator, 'POST', `/serving/endpoints/${dev.id}/promote`, {
    environment: 'prod',
    change: (await operator('POST', '/serving/changes/preview', promotion)).plan,
  });
  assert.equal(direct.body.data.code, 'change_approval_required');
  const { plan } = await operator('POST', '/serving/changes/preview', promotion);
  const { id } = await operator('POST', '/serving/changes', { ...promotion, change: plan });

  const read = await ask(platform.api, reviewer, 'GET', `/serving/changes/${id}`);
  const row = (field: string): Json => read.topology.rows.find((one: Json) => one.field === field);
  assert.deepEqual(row('gpuPools').values.prod, [{ type: 'h100', nodes: 2, gpus: 16 }]);
  const cluster = read.topology.rows.filter(({ group }: Json) => group === 'cluster');
  assert.match(cluster.find(({ field }: Json) => field === 'version').wanted, /^v1\./);
  assert.deepEqual(row('gpuCount').values, { dev: 1, stg: null, prod: null });
  assert.deepEqual(row('services').wanted, ['8000/TCP']);
  assert.ok(row('objects').wanted.includes('HorizontalPodAutoscaler'));
  assert.equal(row('services').differs, false);
  assert.equal(read.preflight.level === 'red', false);
  assert.ok(
    read.manifests.every(({ change }: Json) => change === 'added'),
    'nothing is there yet',
  );
  assert.ok(!JSON.stringify(read).includes(canary));

  await ask(platform.api, reviewer, 'POST', `/serving/changes/${id}/decide`, { decision: 'approve', version: 1 });
  const applied = await operator('POST', `/serving/changes/${id}/apply`);
  const prod = await healthy(applied.endpointId);
  assert.deepEqual([prod.environment, applied.revision], ['prod', 1]);

  // of a change of what is there, what it alters alone
  const redeploy = { kind: 'redeploy', endpointId: prod.id, servingRuntimeImage: 'vllm/vllm-openai:v0.16.0' };
  const next = await operator('POST', '/serving/changes/preview', redeploy);
  const changed = next.topology.rows.filter(({ changes }: Json) => changes).map(({ field }: Json) => field);
  assert.ok(changed.includes('image') && !changed.includes('gpuCount'), changed.join());
  assert.ok(
    next.manifests.some(
      ({ path, after: image }: Json) => path.endsWith('image') && image === redeploy.servingRuntimeImage,
    ),
  );
  assert.match(next.plan.backup.kept, /^Revision 1 /);
  const audit = await ask(platform.api, people.admin, 'GET', `/governance/audit/logs?resource_type=change`);
  assert.deepEqual(
    new Set(audit.map(({ action }: Json) => action)),
    new Set(['change.submit', 'change.decide', 'change.apply']),
  );
});

test('FR-012: what is exported for Git is taken by the cluster, and by the definitions of Argo CD and Flux, and holds no secret', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'gitops-'));
  try {
    const query = 'repository=https://git.example.com/team/deployments.git&path=clusters/dev/changed';
    const answer = await fetch(`${platform.api}/serving/endpoints/${dev.id}/revisions/1/gitops.tar.gz?${query}`, {
      headers: people.operator,
    });
    assert.equal(answer.status, 200);
    await writeFile(join(folder, 'a.tar.gz'), Buffer.from(await answer.arrayBuffer()));
    assert.equal(spawnSync('tar', ['-xzf', 'a.tar.gz'], { cwd: folder }).status, 0);
    const names = (await readdir(folder, { recursive: true })).filter((name) => /\.(yaml|md)$/.test(name));
    assert.ok(names.includes('clusters/dev/changed/deployment.yaml'), names.join());
    for (const name of names) {
      const text = await readFile(join(folder, name), 'utf8');
      assert.ok(!text.includes(canary), name);
      // as on another cluster: here its objects are already, and are the platform's
      const elsewhere = text.replaceAll(dev.id, '00000000-0000-7000-8000-000000000000');
      await writeFile(join(folder, name), elsewhere);
    }
    const dryRun = ['apply', '--server-side', '--dry-run=server'];
    const taken = await plane.kubectl([...dryRun, '-k', join(folder, 'clusters/dev/changed')]);
    for (const kind of ['deployment.apps', 'service', 'horizontalpodautoscaler', 'networkpolicy'])
      assert.match(taken, new RegExp(`^${kind}.*serverside-applied`, 'm'));

    // and for real, in another namespace of the same cluster: the same thing runs there, and is theirs
    const yaml = () => operator('GET', `/serving/endpoints/${dev.id}/revisions/1/manifests.yaml`) as Promise<unknown>;
    const exported = String(await yaml());
    await plane.kubectl(['create', 'namespace', 'theirs']);
    // what its head asks for is all that it refers to
    const asked = [...exported.matchAll(/^# Not exported, .*: (Secret|ConfigMap) (\S+) with the keys (.*)$/gm)];
    assert.deepEqual(asked.map(([, kind]) => kind).toSorted(), ['ConfigMap', 'Secret', 'Secret']);
    for (const [, kind, name, keys] of asked) {
      const data = Object.fromEntries(keys!.split(', ').map((key) => [key, 'dGhlaXJz']));
      const made = { apiVersion: 'v1', kind, metadata: { name, namespace: 'theirs' }, data };
      await plane.kubectl(['apply', '-f', '-'], JSON.stringify(made));
    }
    await plane.kubectl(
      ['apply', '--server-side', '-f', '-'],
      exported.replaceAll('namespace: llm-ops-dev', 'namespace: theirs'),
    );
    const there = async () =>
      JSON.parse(await plane.kubectl(['-n', 'theirs', 'get', 'deploy,pods', '-o', 'json'])).items;
    await until('it runs there', async () =>
      (await there()).some(({ kind, status }: Json) => kind === 'Deployment' && status.readyReplicas === 1),
    );
    // but for the variable whose value stays here
    const runs = (found: Json): Json => ({
      ...found.spec.template.spec,
      containers: found.spec.template.spec.containers.map((one: Json) => ({
        ...one,
        env: one.env.map(({ name, ...value }: Json) => [name, name === 'HF_TOKEN' ? null : value]),
      })),
    });
    const named = `serving-${dev.id}-r1`;
    const ours = JSON.parse(await plane.kubectl(['-n', 'llm-ops-dev', 'get', 'deploy', named, '-o', 'json']));
    const theirs = (await there()).find(({ kind }: Json) => kind === 'Deployment');
    assert.deepEqual(runs(theirs), runs(ours));
    assert.equal(String(await yaml()), exported, 'exported again, it is the same');
    const seen = await operator('GET', `/serving/endpoints/${dev.id}`);
    assert.deepEqual([seen.replicas, seen.conditions], [{ total: 1, ready: 1, available: 1 }, []]);
    const pods = await operator('GET', `/serving/endpoints/${dev.id}/pods`);
    assert.equal(pods.length, 1, 'theirs are no replicas of ours');

    for (const definitions of ['argo-cd', 'flux-source', 'flux-kustomize'] as const)
      await applyDefinitions(plane, definitions);
    for (const namespace of ['argocd', 'flux-system']) await plane.kubectl(['create', 'namespace', namespace]);
    const followed = await plane.kubectl([
      ...dryRun,
      '--validate=strict',
      '-f',
      join(folder, 'argocd'),
      '-f',
      join(folder, 'flux'),
    ]);
    for (const kind of ['application.argoproj.io', 'gitrepository.source', 'kustomization.kustomize'])
      assert.match(followed, new RegExp(`^${kind}.*serverside-applied`, 'm'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('FR-012, UI-1: in the browser: the clusters of a change beside each other, and a revision as a folder for Git', async () => {
  browser = await openBrowser();
  const grace = { userId: 'rita', roles: ['reviewer'], team: 'platform' };
  const [{ id }] = await operator('GET', `/serving/changes?endpointId=${dev.id}`);
  const page = await openPage(browser, `${platform.url}/serving/changes/${id}`, grace);
  await page.getByRole('switch', { name: 'Show everything' }).click();
  const row = page.getByRole('table', { name: 'Topology' }).getByRole('row').filter({ hasText: 'GPU pools' });
  await row.filter({ hasText: 'type: h100, nodes: 2, gpus: 16' }).waitFor();
  await assertAccessible(page, 'a change on a cluster');
  await screenshot(page, 'changes-cluster');

  await page.goto(`${platform.url}/serving/endpoints/${dev.id}?tab=manifests`);
  await page.getByRole('button', { name: 'For Git' }).click();
  const dialog = page.getByRole('dialog', { name: 'Export for Git' });
  await dialog.getByRole('textbox', { name: 'Repository' }).fill('nowhere');
  await assertAccessible(page, 'export for Git');
  await dialog.getByRole('button', { name: 'Download' }).click();
  await dialog.getByText('Begin with https:// or ssh://.').first().waitFor();
  await dialog.getByRole('textbox', { name: 'Repository' }).fill('https://git.example.com/team/deployments.git');
  await screenshot(page, 'changes-git');
  problemsOf(page);
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    dialog.getByRole('button', { name: 'Download' }).click(),
  ]);
  assert.equal(file.suggestedFilename(), 'changed-dev-r1.tar.gz');
  assert.deepEqual(problemsOf(page), []);
  await page.context().close();
});
