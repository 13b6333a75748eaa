import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTally } from './index.ts';

test('FR-006l: what began and has not ended is counted by key, never below nothing, also beyond the keys that are remembered', () => {
  const tally = createTally();
  assert.equal(tally.of('a'), 0);
  tally.began('a');
  tally.began('a');
  tally.ended('a');
  assert.equal(tally.of('a'), 1);
  for (let round = 0; round < 2; round += 1) {
    for (let key = 0; key < 2_000; key += 1) tally.began(`k${key}`);
    for (let key = 0; key < 2_000; key += 1) assert.equal(tally.of(`k${key}`), 1);
    for (let key = 0; key < 2_000; key += 1) tally.ended(`k${key}`);
    for (let key = 0; key < 2_000; key += 1) assert.equal(tally.of(`k${key}`), 0);
  }
  tally.ended('nothing');
  assert.equal(tally.of('nothing'), 0);
  assert.equal(tally.of('a'), 1);
});
