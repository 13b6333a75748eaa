import assert from 'node:assert/strict';
import { appendFile, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { rotate, tail } from './logs.ts';

test('FR-006r: a log is bounded, and its last lines are found across the cut', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'logs-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'engine.log');
  assert.deepEqual(await tail(path, 5), []);
  for (let part = 0; part < 5; part++) {
    const lines = Array.from({ length: 6000 }, (_, line) => `part ${part} line ${line} ${'x'.repeat(50)}\n`);
    await appendFile(path, lines.join(''));
    await rotate(path);
  }
  await appendFile(path, 'one\ntwo\n');
  const last = await tail(path, 3);
  assert.equal(last.length, 3);
  assert.deepEqual(last.slice(1), ['one', 'two']);
  assert.match(last[0]!, /^part \d line 5999 /);
  assert.ok((await stat(path)).size + (await stat(`${path}.1`)).size < 2.5 * 1024 * 1024);
});
