import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLookAgain } from './look-again.ts';

test('FR-006l: unknown names make routes be read again once at a time, rarely, and never wait for a database that is away', async () => {
  let reads = 0;
  const look = createLookAgain(async () => void (reads += 1), 60_000);
  assert.deepEqual(await Promise.all([look(), look(), look()]), [true, true, true]);
  assert.equal(await look(), false);
  assert.equal(reads, 1);
  const away = createLookAgain(() => new Promise(() => {}), 0, 20);
  assert.equal(await away(), false);
  const failing = createLookAgain(() => Promise.reject(new Error('away')), 0);
  assert.equal(await failing(), false);
});
