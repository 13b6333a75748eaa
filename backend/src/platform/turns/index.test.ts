import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inTurns } from './index.ts';

test('FR-006l: long work lets what comes meanwhile pass, keeps its order and ends with its first failure', async () => {
  const done: number[] = [];
  let passed = 0;
  const other = setInterval(() => (passed += 1), 1);
  await inTurns(
    Array.from({ length: 200 }, (_, place) => place),
    (place) => {
      const until = performance.now() + 0.1;
      while (performance.now() < until);
      done.push(place);
    },
  );
  clearInterval(other);
  assert.deepEqual(
    done,
    Array.from({ length: 200 }, (_, place) => place),
  );
  assert.ok(passed > 2, `${passed} times`);
  const seen: string[] = [];
  const failing = inTurns(['a', 'b', 'c'], (one) => {
    seen.push(one);
    if (one === 'b') throw new Error('b');
  });
  await assert.rejects(failing, /^Error: b$/);
  assert.deepEqual(seen, ['a', 'b']);
});
