import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { canaries, pairs, validated, worked } from './people.ts';
import { personAt, register, until, type Json, type Person } from './world.ts';

/** after a restart all that was begun is at its end within so long */
const patience = 60_000;
let folder: string;
let child: ChildProcess;
let ada: Person;

async function start(): Promise<void> {
  child = spawn(process.execPath, [join(import.meta.dirname, 'kill.child.ts'), folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [api] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string];
  ada = personAt(api, 'ada', 'researcher', 'nlp');
}

async function killed(): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
  await start();
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'llmops-work-kill-'));
  await start();
});
after(async () => {
  child.kill('SIGTERM');
  await once(child, 'exit');
  await rm(folder, { recursive: true, force: true });
});

const status = async (path: string) => {
  const found = await ada.ask('GET', path);
  return (Array.isArray(found) ? found[0] : found).status as string;
};

it('FR-003c: kill -9 of the server while it validates, redacts and restores: each comes to its end, once', async () => {
  const parent = await register(ada, { type: 'sft_pair' });
  const rows = pairs(6_000, (row) => (row % 500 === 3 ? canaries[0]! : null));
  assert.equal((await ada.upload(parent.id, { 'rows.jsonl': rows })).status, 200);
  const path = `/catalog/datasets/${parent.id}/validation`;
  await until('it validates', async () => (await status(path)) !== 'queued');
  await killed();
  const done = await validated(ada, parent.id, patience);
  assert.deepEqual(
    [done.status, done.pii_scan.detected_types],
    ['succeeded', [{ type: 'email', count: 12, open: 12 }]],
  );

  const begun: { kind: string; dataset: Json; job: Json }[] = [];
  for (const [kind, call] of [
    ['redaction', `/catalog/datasets/${parent.id}/redact`],
    ['restore', `/catalog/datasets/${parent.id}/versions/1.0/restore`],
  ] as const)
    begun.push({ kind, ...(await ada.ask('POST', call, { version: `after-${kind}` })) });
  for (const { dataset } of begun)
    await until('it works', async () => (await status(`/catalog/datasets/${dataset.id}/jobs`)) !== 'queued');
  await sleep(300);
  await killed();
  for (const { kind, dataset, job } of begun) {
    const ended = await worked(ada, dataset.id, patience);
    assert.deepEqual([ended.id, ended.status, ended.error], [job.id, 'succeeded', null]);
    const filled = await ada.ask('GET', `/catalog/datasets/${dataset.id}`);
    assert.deepEqual(
      filled.files.map((file: Json) => `${file.path} ${file.status} ${file.facts.rows}`),
      ['rows.jsonl ready 6000'],
    );
    const result = await validated(ada, dataset.id, patience);
    assert.deepEqual([result.status, result.pii_scan.status], ['succeeded', kind === 'redaction' ? 'clean' : 'failed']);
  }
  // what killed servers left on the disk is gone
  assert.ok((await readdir(join(folder, 'work'))).length <= 1);
});
