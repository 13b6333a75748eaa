import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { provisionPython } from '../../scripts/provision/python.ts';
import { config, gguf, safetensors } from '../catalog/files.ts';
import {
  approvedModel,
  ask,
  call,
  healthyEndpoint,
  people,
  sampleModel,
  startPlatform,
  until,
  untilStatus,
  type Json,
  type RunningPlatform,
} from './harness.ts';

/** Real engines on a real platform: how long one may take to start on a busy machine. */
const patienceMs = Number(process.env['ROLLOUT_PATIENCE_MS'] ?? 60_000);

let platform: RunningPlatform;
let model: Json;
let endpoint: Json;
before(async () => {
  platform = await startPlatform({
    SERVING_DRAIN_SECONDS: '1',
    LLMOPS_PYTHON: await provisionPython('python/trainer/requirements-convert.txt'),
  });
  model = await approvedModel(platform.api, 'rollout');
  endpoint = await healthyEndpoint(platform.api, model.id, '/rollout');
});
after(() => platform?.stop());

const get = (id: string): Promise<Json> => ask(platform.api, people.operator, 'GET', `/serving/endpoints/${id}`);
const history = (id: string): Promise<Json> =>
  ask(platform.api, people.operator, 'GET', `/serving/endpoints/${id}/deployments`);
const redeploy = (id: string, body?: object): Promise<Json> =>
  ask(platform.api, people.operator, 'POST', `/serving/endpoints/${id}/redeploy`, body);

async function serving(id: string, revision: number): Promise<Json> {
  return until(
    `revision ${revision} serves`,
    async () => {
      const seen = await get(id);
      return seen.status === 'healthy' && seen.revision === revision ? seen : null;
    },
    patienceMs,
  );
}

/** A version of the same model whose files the platform takes, but no engine can serve. */
async function brokenVersion(version: string, files: Record<string, Buffer | string>): Promise<Json> {
  const { api } = platform;
  const made = await ask(api, people.researcher, 'POST', `/catalog/models/${model.id}/versions`, { version });
  const form = new FormData();
  for (const [name, content] of Object.entries(files)) form.append('files', new Blob([content as never]), name);
  await ask(api, people.researcher, 'POST', `/catalog/models/${made.id}/upload`, form);
  await ask(api, people.researcher, 'PATCH', `/catalog/models/${made.id}/status`, { status: 'pending_review' });
  return ask(api, people.reviewer, 'POST', `/catalog/models/${made.id}/versions/${version}/approve`, {
    decision: 'approve',
  });
}

interface Asked {
  status: number;
  revision: string | null;
  code: string | null;
}

async function chat(route: string): Promise<Asked> {
  const response = await fetch(`${platform.api}/serve/${route}/chat`, {
    method: 'POST',
    headers: { ...people.developer, 'content-type': 'application/json' },
    body: JSON.stringify({ messages: [{ role: 'user', content: 'What is a route?' }], max_tokens: 4 }),
  });
  const body = (await response.json()) as Json;
  const revision = /revision=(\d+)/.exec(response.headers.get('x-llmops-route') ?? '')?.[1] ?? null;
  return { status: response.status, revision, code: body.data?.code ?? null };
}

/** Asks all the time until told to stop; answers everything that was said. */
function load(route: string): { stop(): Promise<Asked[]> } {
  const asked: Asked[] = [];
  let running = true;
  const loop = (async () => {
    while (running) {
      asked.push(await chat(route).catch((error: Error) => ({ status: 0, revision: null, code: error.message })));
      await sleep(20);
    }
  })();
  return {
    async stop() {
      running = false;
      await loop;
      return asked;
    },
  };
}

/** Engines that the platform recorded, with whether their process is there. */
function engines(): { pid: number; revisionId: string; alive: boolean }[] {
  const folder = path.join(platform.dataDir, 'engines');
  return readdirSync(folder).flatMap((revisionId) =>
    readdirSync(path.join(folder, revisionId))
      .filter((name) => name.endsWith('.json'))
      .map((name) => {
        const { pid } = JSON.parse(readFileSync(path.join(folder, revisionId, name), 'utf8')) as { pid: number };
        return { pid, revisionId, alive: existsSync(`/proc/${pid}`) };
      }),
  );
}

const isFailureOf = ({ type, message }: Json, revision: number): boolean =>
  type === 'RolloutFailed' && message.startsWith(`Revision ${revision} failed`);

for (const [what, version, files, reason] of [
  [
    'an architecture that no engine knows',
    'alien',
    {
      'config.json': config.replace('LlamaForCausalLM', 'AlienForCausalLM'),
      'model.safetensors': safetensors({ 'alien.weight': [4, 4] }),
      'tokenizer.json': readFileSync(path.join(sampleModel, 'tokenizer.json')),
    },
    'ArchitectureUnsupported',
  ],
  [
    'weights that no engine can load',
    'hollow',
    { 'model.gguf': gguf({ 'general.architecture': 'llama', 'general.name': 'hollow' }, { 'a.weight': [32] }) },
    'ModelLoadFailed',
  ],
] as const) {
  test(`FR-006j, FR-006h: a rollout of ${what} is kept away from traffic; every request meanwhile is answered by the old revision`, async () => {
    const broken = await brokenVersion(version, files);
    const { revision: old } = await get(endpoint.id);
    const clients = [load('rollout'), load('rollout')];
    const asked = await redeploy(endpoint.id, { modelId: broken.id });
    const settled = await until(
      'the rollout is given up',
      async () => {
        const seen = await get(endpoint.id);
        assert.equal(seen.status, 'healthy', JSON.stringify(seen.conditions));
        return seen.conditions.some((one: Json) => isFailureOf(one, asked.targetRevision)) ? seen : null;
      },
      patienceMs,
    );
    const answers = (await Promise.all(clients.map((client) => client.stop()))).flat();
    assert.ok(answers.length >= 10, `${answers.length} requests`);
    assert.deepEqual(
      answers.filter(({ status, revision }) => status !== 200 || revision !== String(old)),
      [],
      'every request was answered, by the old revision',
    );
    assert.equal(settled.targetRevision, old);
    const condition = settled.conditions.find((one: Json) => isFailureOf(one, asked.targetRevision));
    assert.equal(condition?.reason, reason, JSON.stringify(settled.conditions));
    assert.match(condition.message, /failed and got no traffic/);
    assert.ok(condition.remedy.length > 10);
    assert.equal(settled.modelId, model.id, 'what is told is what serves');
    const [failed] = await history(endpoint.id);
    assert.deepEqual([failed.number, failed.state, failed.liveAt], [asked.targetRevision, 'failed', null]);
    assert.equal(failed.modelId, broken.id);
    console.log(`${answers.length} requests during the failed rollout of ${what}`);
  });
}

test('FR-006j: rollbacks go further back each time; each is a revision of its own', async () => {
  const { revision: first } = await get(endpoint.id);
  for (const [step, memoryLimit] of ['3Gi', '4Gi'].entries()) {
    const { targetRevision } = await redeploy(endpoint.id, { memoryLimit });
    await serving(endpoint.id, targetRevision);
    assert.ok(targetRevision > first + step);
  }
  const back = await ask(platform.api, people.operator, 'POST', `/serving/endpoints/${endpoint.id}/rollback`);
  await serving(endpoint.id, back.targetRevision);
  const further = await ask(platform.api, people.operator, 'POST', `/serving/endpoints/${endpoint.id}/rollback`);
  await serving(endpoint.id, further.targetRevision);
  const [second, once] = await history(endpoint.id);
  assert.equal(once.resources.memoryLimit, '3Gi');
  assert.equal(second.rolledBackTo, first);
  assert.deepEqual([second.reason, second.state], ['rollback', 'live']);
  assert.equal((await chat('rollout')).revision, String(second.number));
});

test('FR-006r, DEP-8: an engine that is killed is told, started again by itself, and healthy without anybody', async () => {
  const { revision } = await get(endpoint.id);
  const live = (await history(endpoint.id)).find(({ number }: Json) => number === revision);
  const engine = engines().find(({ revisionId, alive }) => revisionId === live.id && alive);
  assert.ok(engine);
  process.kill(engine.pid, 'SIGKILL');
  const broken = await until(
    'the crash is told',
    async () => {
      const seen = await get(endpoint.id);
      return seen.conditions.some(({ type }: Json) => type === 'EngineCrashed') ? seen : null;
    },
    patienceMs,
  );
  const condition = broken.conditions.find(({ type }: Json) => type === 'EngineCrashed');
  assert.match(condition.message, /SIGKILL/);
  assert.match(condition.remedy, /restarted by itself/);
  const refused = await chat('rollout');
  assert.ok(refused.status === 200 || refused.code === 'endpoint_unavailable', JSON.stringify(refused));
  const healthy = await untilStatus(platform.api, endpoint.id, 'healthy', patienceMs);
  assert.equal(healthy.revision, revision, 'no revision is needed for it');
  await until('chat answers again', async () => (await chat('rollout')).status === 200, patienceMs);
  const events = platform.log.filter(
    (line) => line.includes('"endpoint status changed"') && line.includes(endpoint.id),
  );
  assert.ok(
    events.some((line) => /"to":"(degraded|failed)"/.test(line)),
    'it was not called healthy meanwhile',
  );
});

test('FR-006: options of a redeployment come by query or body; both with different values: 400 names the field', async () => {
  const both = await call(
    platform.api,
    people.operator,
    'POST',
    `/serving/endpoints/${endpoint.id}/redeploy?memoryLimit=3Gi&cpuLimit=2`,
    { memoryLimit: '4Gi', cpuLimit: '2' },
  );
  assert.equal(both.status, 400);
  assert.equal(both.body.data.code, 'validation_failed');
  assert.deepEqual(
    both.body.data.issues.map(({ path: field }: Json) => field),
    ['memoryLimit'],
  );
  const before = await get(endpoint.id);
  assert.equal(before.revision, before.targetRevision, 'a refused request changes nothing');
  const byQuery = await ask(
    platform.api,
    people.operator,
    'POST',
    `/serving/endpoints/${endpoint.id}/redeploy?memory_limit=5Gi`,
  );
  await serving(endpoint.id, byQuery.targetRevision);
  const [newest] = await history(endpoint.id);
  assert.equal(newest.resources.memoryLimit, '5Gi');
});

test('DEP-5, EC-drift: a promotion whose target was changed there needs a note that explains the difference', async () => {
  const { api } = platform;
  const promote = (body: object) =>
    call(api, people.operator, 'POST', `/serving/endpoints/${endpoint.id}/promote`, body);
  const first = await promote({ environment: 'stg' });
  assert.equal(first.status, 200, JSON.stringify(first.body));
  const stg = await untilStatus(api, first.body.data.id, 'healthy', patienceMs);
  assert.equal(stg.environment, 'stg');
  // somebody changes it there, with a reason
  const unexplained = await call(api, people.operator, 'POST', `/serving/endpoints/${stg.id}/redeploy`, {
    memoryLimit: '6Gi',
  });
  assert.deepEqual([unexplained.status, unexplained.body.data.code], [409, 'drift_unexplained']);
  const changed = await redeploy(stg.id, { memoryLimit: '6Gi', parityNote: 'Staging gets longer prompts.' });
  await serving(stg.id, changed.targetRevision);
  const [drift] = await ask(api, people.operator, 'GET', '/serving/drift');
  assert.deepEqual(
    drift.differences.map((difference: Json) => [difference.path, difference.before, difference.after]),
    [['memoryLimit', '5Gi', '6Gi']],
  );
  assert.equal(drift.blocked, false, 'it is explained');
  // a promotion would take that back: it must say so
  const refused = await promote({ environment: 'stg' });
  assert.deepEqual([refused.status, refused.body.data.code], [409, 'drift_unexplained']);
  assert.match(refused.body.message, /memoryLimit: 6Gi → 5Gi/);
  assert.match(refused.body.data.remedy, /parityNote/);
  const again = await promote({ environment: 'stg', parityNote: 'Prompts are short again.' });
  assert.equal(again.status, 200, JSON.stringify(again.body));
  await serving(stg.id, again.body.data.targetRevision);
  assert.deepEqual(await ask(api, people.operator, 'GET', '/serving/drift'), []);
  assert.equal((await ask(api, people.operator, 'DELETE', `/serving/endpoints/${stg.id}`)).status, 'deleting');
  await until(
    'staging is gone',
    async () => (await call(api, people.operator, 'GET', `/serving/endpoints/${stg.id}`)).status === 404,
    patienceMs,
  );
});

test('FR-006j, DEP-3, FR-001: no earlier revision: stopped, and says so; deletion leaves neither process nor route; a model in use stays', async () => {
  const { api } = platform;
  const one = await healthyEndpoint(api, model.id, '/single');
  const [revision] = await history(one.id);
  const stopping = await ask(api, people.operator, 'POST', `/serving/endpoints/${one.id}/rollback`);
  assert.match(stopping.conditions[0].message, /no earlier revision.*scaled to 0/);
  const stopped = await until(
    'stopped',
    async () => {
      const seen = await get(one.id);
      return seen.status === 'stopped' && seen.revision === 0 ? seen : null;
    },
    patienceMs,
  );
  assert.equal(stopped.conditions[0].reason, 'ScaledToZero');
  const refused = await until('the route knows', async () => {
    const answer = await chat('single');
    return answer.status === 200 ? null : answer;
  });
  assert.deepEqual([refused.status, refused.code], [503, 'endpoint_unavailable']);
  assert.equal((await history(one.id)).length, 1, 'its history is kept');

  const inUse = await call(api, people.admin, 'DELETE', `/catalog/models/${model.id}`);
  assert.deepEqual([inUse.status, inUse.body.data.code], [409, 'model_in_use']);
  const told = JSON.stringify(inUse.body);
  for (const name of ['rollout', 'single']) assert.ok(told.includes(name), `${name} is named in ${told}`);

  const again = await redeploy(one.id);
  await serving(one.id, again.targetRevision);
  const [running] = await history(one.id);
  const engine = engines().find(({ revisionId, alive }) => alive && revisionId === running.id);
  assert.ok(engine, 'a redeployment brings it back');
  await ask(api, people.operator, 'DELETE', `/serving/endpoints/${one.id}`);
  await until(
    'deleted',
    async () => (await call(api, people.operator, 'GET', `/serving/endpoints/${one.id}`)).status === 404,
    patienceMs,
  );
  assert.equal(existsSync(`/proc/${engine.pid}`), false, 'no process is left');
  assert.equal(engines().filter(({ revisionId }) => [running.id, revision.id].includes(revisionId)).length, 0);
  const gone = await until('no route is left', async () => {
    const answer = await chat('single');
    return answer.status === 404 ? answer : null;
  });
  assert.equal(gone.code, 'route_not_found');
  const listed = await ask(api, people.operator, 'GET', '/serving/registrations');
  assert.deepEqual(
    listed.map(({ name }: Json) => name),
    ['rollout'],
  );
});
