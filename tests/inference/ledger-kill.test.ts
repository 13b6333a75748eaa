import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Db } from '../../backend/src/platform/db/index.ts';
import { openGround, rowsOf, sumsAgree, type Ground } from './ground.ts';

let ground: Ground;
let db: Db;
before(async () => {
  ground = await openGround();
  db = await ground.database();
});
after(() => ground?.close());

const child = path.join(import.meta.dirname, 'ledger.child.ts');
const segments = (directory: string): string[] => readdirSync(directory).filter((name) => name.endsWith('.ndjson'));
/** A file goes behind what is done with it; the one that is written to, as what is left of old ones may be, when it was idle for ten seconds. */
async function isClean(directory: string): Promise<void> {
  for (let tries = 0; tries < 400 && segments(directory).length > 0; tries++) await sleep(50);
  assert.deepEqual(segments(directory), [], 'the folder is clean');
}

/** What a killed gateway had begun and ended, by its own words; a last line cut short was not said. */
async function killedAfter(directory: string, lines: number): Promise<{ begun: string[]; ended: string[] }> {
  const told = path.join(ground.folder(), 'told');
  const gateway = spawn(process.execPath, [child, db.url, directory, '1000000', told], { stdio: 'inherit' });
  const closed = once(gateway, 'close');
  const said = (): string[] => (existsSync(told) ? readFileSync(told, 'latin1').split('\n').slice(0, -1) : []);
  while (said().length < lines && gateway.exitCode === null) await sleep(2);
  gateway.kill('SIGKILL');
  const [, signal] = await closed;
  assert.equal(signal, 'SIGKILL');
  const of = (kind: string) =>
    said()
      .filter((line) => line.startsWith(kind))
      .map((line) => line.slice(2));
  return { begun: of('b '), ended: of('e ') };
}

test('REL, FR-009: kill -9 in full flow, again and again: each request that was begun is there once, each that ended as it ended', async () => {
  const directory = ground.folder();
  const begun: string[] = [];
  const ended: string[] = [];
  for (const lines of [1, 1_500, 4_000, 12_000]) {
    const said = await killedAfter(directory, lines);
    begun.push(...said.begun);
    ended.push(...said.ended);
    assert.ok(said.begun.length > 0);
  }
  assert.ok(segments(directory).length > 0, 'something was left to replay');
  const ledger = ground.ledger(db, { directory });
  await ledger.replayed;
  const rows = await rowsOf<{ id: string; status: number }>(db, 'select id, status from usage_event');
  const statuses = new Map(rows.map(({ id, status }) => [id, status]));
  assert.equal(statuses.size, rows.length);
  assert.deepEqual(
    begun.filter((id) => !statuses.has(id)),
    [],
    'begun and lost',
  );
  assert.deepEqual(
    ended.filter((id) => statuses.get(id) !== 200),
    [],
    'ended and settled as something else',
  );
  assert.ok(rows.length - begun.length < 4 * 64, 'no more than a turn that was not told of');
  assert.ok([...statuses.values()].includes(598), 'orphans are settled as aborted');
  await sumsAgree(db);
  await isClean(directory);
  console.log(`${begun.length} begun, ${ended.length} ended, ${rows.length} settled`);
});

test('REL, FR-009: a disk that takes a part of a write costs nothing: the rest goes to a new file', async () => {
  const directory = ground.folder();
  const own = await ground.database();
  // a limit of 39 KiB a file, below the size of a segment: each file is cut in the middle of a line
  const run = spawnSync(
    'bash',
    ['-c', `ulimit -f 39 && exec "$0" "$@"`, process.execPath, child, own.url, directory, '4000'],
    {
      encoding: 'latin1',
      maxBuffer: 64 * 1024 * 1024,
    },
  );
  assert.equal(run.status, 0, run.stderr);
  const { dropped, failures } = JSON.parse(run.stdout) as { dropped: number; failures: number };
  assert.ok(failures > 0, 'writes failed');
  assert.equal(dropped, 0);
  assert.deepEqual(segments(directory), []);
  const rows = await rowsOf(own, 'select status, count(*)::int as count from usage_event group by 1');
  assert.deepEqual(rows, [{ status: 200, count: 4_000 }]);
});
