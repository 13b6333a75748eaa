import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { pino } from 'pino';
import { pack, parseKey } from '#platform/secrets';
import { openKept } from './index.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'kept-'));
after(() => rmSync(folder, { recursive: true }));
const key = parseKey('11'.repeat(32));
let now = Date.parse('2026-01-01T00:00:00Z');
const open = (file: string, more: object = {}) =>
  openKept({
    file: path.join(folder, file),
    keys: [key],
    version: '1.0.0',
    log: pino({ level: 'silent' }),
    now: () => new Date(now),
    ...more,
  });
const seal = (text: string): Buffer => pack(key, text);
const rows = [{ hash: Buffer.from('a hash'), at: new Date(now), n: null }];

test('REL: what was learnt is there for the next process, dated by what was looked at last', async () => {
  const first = await open('a');
  assert.equal(first.found, false);
  const [one, two] = [first.part<typeof rows>('one'), first.part<string>('two')];
  const seldom = first.part<number>('seldom', { dated: false });
  assert.deepEqual([one.found, two.found, seldom.found], [null, null, null]);
  first.start(seal);
  one.learnt(() => rows);
  await first.close();
  assert.equal(existsSync(path.join(folder, 'a')), false, 'half of it is nothing to start from');

  two.learnt(() => 'two');
  seldom.learnt(() => 7);
  now += 60_000;
  one.unchanged();
  await first.close();
  assert.equal(statSync(path.join(folder, 'a')).mode & 0o777, 0o600);

  now += 3_600_000;
  const next = await open('a');
  assert.equal(next.found, true);
  assert.equal(next.key?.id, key.id);
  const again = next.part<typeof rows>('one');
  next.part('two');
  assert.deepEqual(again.found, rows);
  assert.equal(next.part<number>('seldom', { dated: false }).found, 7);
  assert.equal(now - next.asOf(), 3_660_000, 'as old as the part that was looked at longest ago');
  again.learnt(() => rows);
  assert.equal(now - next.asOf(), 3_660_000);
});

test('REL: what did not change is written again only to hold its date', async () => {
  const kept = await open('b');
  const part = kept.part<number[]>('one');
  kept.start(seal);
  const write = async (value: number[]): Promise<Buffer> => {
    part.learnt(() => value);
    await kept.close();
    return readFileSync(path.join(folder, 'b'));
  };
  const first = await write([1]);
  now += 10_000;
  assert.ok(first.equals(await write([1])));
  const second = await write([2]);
  assert.ok(!second.equals(first));
  now += 299_000;
  assert.ok(second.equals(await write([2])));
  now += 2_000;
  assert.ok(!second.equals(await write([2])));
  assert.equal((await open('b')).found, true);
});

test('REL: the file of another version, another key or another hand is not used; a folder that cannot be written stops nothing', async () => {
  const kept = await open('c');
  kept.start(seal);
  kept.part<number>('one').learnt(() => 1);
  await kept.close();
  const file = path.join(folder, 'c');
  assert.equal((await open('c')).found, true);
  assert.equal((await open('c', { version: '1.0.1' })).found, false);
  assert.equal((await open('c', { keys: [parseKey('22'.repeat(32))] })).found, false);
  const bytes = readFileSync(file);
  for (const at of [bytes.length - 1, bytes.length >> 1, bytes.indexOf('\n') + 10]) {
    const changed = Buffer.from(bytes);
    changed[at]! ^= 1;
    writeFileSync(file, changed);
    assert.equal((await open('c')).found, false, `byte ${at}`);
  }
  writeFileSync(file, bytes.subarray(0, 20));
  assert.equal((await open('c')).found, false);

  const nowhere = await open('d/e/f');
  nowhere.start(seal);
  nowhere.part<number>('one').learnt(() => 1);
  await nowhere.close();
});
