import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { goodRows, openWorld, personAt, register, until, type Json, type Person } from './world.ts';

const kills = Number(process.env['DRILL_KILLS'] ?? 2);
const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');
const large = goodRows(60_000);

async function start(folder: string): Promise<{ api: string; child: ChildProcess }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'kill.child.ts'), folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [api] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { api, child };
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** Until no file of these datasets is pending. */
function calm(who: Person, ids: readonly string[]): Promise<Json[]> {
  return until(
    'nothing is pending',
    async () => {
      const found: Json[] = [];
      for (const id of ids) found.push(await who.ask('GET', `/catalog/datasets/${id}`));
      const pending = found.some(({ files }) =>
        files.some(({ status }: Json) => status === 'uploading' || status === 'checking'),
      );
      return !pending && found;
    },
    90_000,
  );
}

/** What lies in the store when the collector has run is what rows tell of, and the folder for work under way is empty. */
async function checkStore(folder: string): Promise<void> {
  const world = await openWorld({ folder });
  try {
    world.now.offsetMs = 3_700_000;
    await world.datasets.collectOrphans();
    const { rows } = await world.db.pool.query(
      `select 'datasets/' || id || '/' || version || '/' || path as key from dataset_file join dataset on id = dataset_id where dataset_file.status = 'ready'
       union all select rows_key from dataset_file where rows_key is not null order by 1`,
    );
    assert.deepEqual((await world.stored()).sort(), rows.map(({ key }) => key as string).sort());
  } finally {
    await world.close();
  }
  assert.deepEqual(await readdir(join(folder, 'work')), []);
}

it('FR-003a: kill -9 while a file is read: one of a request is forgotten, a resumable one is read by the next server', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'llmops-kill-'));
  let { api, child } = await start(folder);
  try {
    const ada = personAt(api, 'ada', 'researcher', 'nlp');
    const [requested, resumed] = [await register(ada), await register(ada)];
    const sending = [
      ada.upload(requested.id, { 'small.csv': goodRows(3), 'large.csv': large }).catch(() => null),
      ada.resumable(resumed.id, 'large.csv', large),
    ];
    await until('both are being read', async () => {
      const found = await Promise.all([requested, resumed].map(({ id }) => ada.ask('GET', `/catalog/datasets/${id}`)));
      return found.every(({ files }: Json) =>
        files.some(({ path, status }: Json) => path === 'large.csv' && status === 'checking'),
      );
    });
    // into the reading itself, not only before it
    await sleep(150);
    await kill(child);
    await Promise.all(sending);
    ({ api, child } = await start(folder));
    const again = personAt(api, 'ada', 'researcher', 'nlp');
    const [forgotten, taken] = await calm(again, [requested.id, resumed.id]);
    assert.deepEqual(forgotten.files, [], 'all of a request or nothing');
    const [file] = taken.files;
    assert.equal(`${file.status} ${file.sha256} ${file.facts.rows}`, `ready ${sha256(large)} 60000`);
    assert.equal((await again.upload(requested.id, { 'large.csv': large })).status, 200);
    child.kill('SIGTERM');
    await once(child, 'exit');
    await checkStore(folder);
  } finally {
    child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  }
});

it(`FR-003a: after kill -9 at ${kills} random points of upload, deletion and submission nothing acknowledged is lost and nothing is stuck`, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'llmops-kill-'));
  /** what the server said it had: dataset → path → digest, and its status */
  const promised = new Map<string, { files: Map<string, string>; status: string }>();
  let { api, child } = await start(folder);
  try {
    for (let round = 0; round < kills; round++) {
      const work = workUntilItBreaks(api, round, promised);
      await sleep(200 + Math.random() * 1_500);
      await kill(child);
      await work;
      ({ api, child } = await start(folder));
    }
    const ada = personAt(api, 'ada', 'researcher', 'nlp');
    const shown = await calm(ada, [...promised.keys()]);
    for (const dataset of shown) {
      const { files, status } = promised.get(dataset.id)!;
      for (const [path, digest] of files) {
        const file = dataset.files.find((one: Json) => one.path === path);
        assert.equal(`${path} ${file?.status} ${file?.sha256}`, `${path} ready ${digest}`);
      }
      for (const { path, sha256: digest } of dataset.files) {
        const response = await ada.fetch(`/catalog/datasets/${dataset.id}/files/${path}`);
        assert.equal(sha256(new Uint8Array(await response.arrayBuffer())), digest);
      }
      if (status === 'under_review') assert.equal(dataset.status, 'under_review');
    }
    assert.equal(shown.length, promised.size);
    assert.ok(shown.length > 0);
    child.kill('SIGTERM');
    await once(child, 'exit');
    await checkStore(folder);
  } finally {
    child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  }
});

/** Registers, uploads both ways, deletes and submits, one dataset after the other, noting what was acknowledged. */
async function workUntilItBreaks(
  api: string,
  round: number,
  promised: Map<string, { files: Map<string, string>; status: string }>,
): Promise<void> {
  const ada = personAt(api, 'ada', 'researcher', 'nlp');
  try {
    for (let number = 0; ; number++) {
      const { id } = await register(ada, { name: `kill-${round}-${number}` });
      const known = { files: new Map<string, string>(), status: 'draft' };
      promised.set(id, known);
      const answer = await ada.upload(id, { 'a.csv': goodRows(2_000, number), 'b.csv': goodRows(10, number) });
      for (const file of answer.data.files) known.files.set(file.path, file.sha256);
      // from its beginning on a deletion may have happened
      known.files.delete('b.csv');
      await ada.ask('DELETE', `/catalog/datasets/${id}/files/b.csv`);
      const content = goodRows(1_000, number);
      await ada.resumable(id, 'c.csv', content);
      known.files.set('c.csv', sha256(content));
      await until('c.csv is ready', async () => {
        const { files } = await ada.ask('GET', `/catalog/datasets/${id}`);
        return files.every(({ status }: Json) => status === 'ready');
      });
      await ada.ask('PATCH', `/catalog/datasets/${id}/status`, { status: 'under_review' });
      known.status = 'under_review';
    }
  } catch {
    // the server is gone
  }
}
