import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  approvedModel,
  ask,
  call,
  people,
  startPlatform,
  until,
  type Json,
  type RunningPlatform,
} from '../journeys/harness.ts';

/** How many kills; `npm run drill kill` makes it 25. The seed is printed, so that a failure can be run again. */
const kills = Number(process.env['KILLS'] ?? 6);
const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
let state = seed;
const random = (): number => {
  state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
  return state / 2_147_483_648;
};

/** What the platform acknowledged: it must still be true after every crash. */
interface Ledger {
  models: Map<string, { name: string; status: string; files: Map<string, string> }>;
  sent: Set<string>;
}

const dataDir = mkdtempSync(path.join(tmpdir(), 'llm-ops-kill-'));
let platform: RunningPlatform;
after(async () => {
  await platform?.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

async function work(
  api: string,
  ledger: Ledger,
  round: number,
  endpointId: string,
  stopped: { now: boolean },
): Promise<void> {
  for (let number = 0; !stopped.now; number += 1) {
    const name = `kill-${round}-${number}`;
    try {
      const body = {
        name,
        version: '1',
        type: 'base',
        owner_team: 'platform',
        metadata: { description: 'Made while the server was being killed.' },
      };
      ledger.sent.add(name);
      const made = await call(api, people.researcher, 'POST', '/catalog/models', body, { 'idempotency-key': name });
      if (made.status !== 200) continue;
      const entry = { name, status: 'draft', files: new Map<string, string>() };
      ledger.models.set(made.body.data.id, entry);
      const form = new FormData();
      const contents = ['config.json', 'weights.bin.txt'].map(
        (file, index) =>
          [
            file,
            index === 0 ? '{"model_type":"llama"}' : 'x'.repeat(200_000 + Math.floor(random() * 2_000_000)),
          ] as const,
      );
      for (const [file, text] of contents) form.append('files', new Blob([text]), file);
      const uploaded = await call(api, people.researcher, 'POST', `/catalog/models/${made.body.data.id}/upload`, form);
      if (uploaded.status !== 200) continue;
      for (const [file, text] of contents) entry.files.set(file, createHash('sha256').update(text).digest('hex'));
      const submitted = await call(api, people.researcher, 'PATCH', `/catalog/models/${made.body.data.id}/status`, {
        status: 'pending_review',
      });
      if (submitted.status === 200) entry.status = 'under_review';
      if (number % 3 === 0)
        await call(
          api,
          people.operator,
          'POST',
          `/serving/endpoints/${endpointId}/${number % 2 === 0 ? 'redeploy' : 'rollback'}`,
        );
    } catch {
      return; // the server is gone
    }
  }
}

/** Healthy on the wanted revision; an endpoint that was rolled back to nothing is started again, which must work as well. */
async function untilSettled(api: string, endpointId: string): Promise<Json> {
  let last: Json = null;
  const settled = until<Json>(
    'the endpoint has settled',
    async () => {
      last = await ask(api, people.operator, 'GET', `/serving/endpoints/${endpointId}`);
      if (last.status === 'stopped')
        await ask(api, people.operator, 'PATCH', `/serving/endpoints/${endpointId}`, {
          minReplicas: 1,
          maxReplicas: 1,
        });
      return last.status === 'healthy' && last.revision === last.targetRevision ? last : null;
    },
    30_000,
  );
  return settled.catch((error: Error) => {
    throw new Error(`${error.message}\n${JSON.stringify(last, null, 2)}\n${platform.log.slice(-30).join('\n')}`);
  });
}

async function verify(api: string, ledger: Ledger, endpointId: string, history: number): Promise<number> {
  for (const [id, entry] of ledger.models) {
    const model = await ask(api, people.researcher, 'GET', `/catalog/models/${id}`);
    assert.equal(model.name, entry.name);
    assert.ok(
      entry.status !== 'under_review' || model.status === 'under_review',
      `${entry.name} lost its submission: ${model.status}`,
    );
    for (const file of model.files) {
      const response = await fetch(`${api}/catalog/models/${id}/files/${file.path}`, { headers: people.researcher });
      assert.equal(response.status, 200, `${entry.name}/${file.path} is listed but not there`);
      const digest = createHash('sha256')
        .update(Buffer.from(await response.arrayBuffer()))
        .digest('hex');
      assert.equal(digest, file.sha256, `${entry.name}/${file.path} is not what its digest says`);
    }
    for (const [file, digest] of entry.files)
      assert.equal(
        model.files.find((one: Json) => one.path === file)?.sha256,
        digest,
        `${entry.name}/${file} was acknowledged and is lost`,
      );
  }
  const names = new Map<string, number>();
  for (let cursor: string | null = ''; cursor !== null;) {
    const page: { body: Json; headers: Headers } = await call(
      api,
      people.researcher,
      'GET',
      `/catalog/models?limit=200${cursor}`,
    );
    for (const model of page.body.data) names.set(model.name, (names.get(model.name) ?? 0) + 1);
    const next: string | undefined = /cursor=([^&>]+)/.exec(page.headers.get('link') ?? '')?.[1];
    cursor = next === undefined ? null : `&cursor=${next}`;
  }
  assert.deepEqual(
    [...names].filter(([, count]) => count > 1),
    [],
    'nothing is doubled',
  );
  const settled = await untilSettled(api, endpointId);
  const revisions = await ask(api, people.operator, 'GET', `/serving/endpoints/${endpointId}/deployments?limit=200`);
  assert.ok(revisions.length >= history, 'the history of revisions is kept');
  assert.equal(settled.conditions.filter((condition: Json) => condition.type === 'Failed').length, 0);
  const answer = await call(api, people.developer, 'POST', '/serve/kill/chat', {
    messages: [{ role: 'user', content: 'What is a route?' }],
    max_tokens: 4,
  });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return revisions.length;
}

test(`kill -9 at ${kills} random points of create, upload, submit, redeploy and rollback: nothing lost, nothing doubled, nothing stuck`, async () => {
  console.log(`seed ${seed}`);
  platform = await startPlatform({ SERVING_DRAIN_SECONDS: '1' }, dataDir);
  const model = await approvedModel(platform.api, 'kill');
  const endpoint = await ask(platform.api, people.operator, 'POST', '/serving/endpoints', {
    modelId: model.id,
    environment: 'dev',
    route: '/kill',
    useGpu: false,
  });
  const ledger: Ledger = { models: new Map(), sent: new Set() };
  let history = 0;
  for (let round = 0; round < kills; round += 1) {
    const stopped = { now: false };
    const workers = [
      work(platform.api, ledger, round * 2, endpoint.id, stopped),
      work(platform.api, ledger, round * 2 + 1, endpoint.id, stopped),
    ];
    await sleep(100 + random() * 2500);
    await platform.kill();
    stopped.now = true;
    await Promise.all(workers);
    platform = await startPlatform({ SERVING_DRAIN_SECONDS: '1' }, dataDir);
    history = await verify(platform.api, ledger, endpoint.id, history);
  }
  const verified = await ask(platform.api, people.admin, 'GET', '/governance/audit/verify');
  assert.equal(verified.ok, true, JSON.stringify(verified));
  console.log(`${ledger.models.size} models acknowledged, ${history} revisions`);
});

test('kill -9 during the first start and its migrations: the next start comes up whole', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'llm-ops-kill-start-'));
  const { spawn } = await import('node:child_process');
  for (let round = 0; round < Math.max(2, Math.floor(kills / 3)); round += 1) {
    const child = spawn(process.execPath, ['backend/src/main.ts'], {
      env: { ...process.env, PORT: '0', DATA_DIR: folder, LOG_LEVEL: 'silent' },
      stdio: 'ignore',
    });
    await sleep(300 + random() * 2500);
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
  }
  const whole = await startPlatform({}, folder);
  await approvedModel(whole.api, 'after');
  await whole.stop();
});
