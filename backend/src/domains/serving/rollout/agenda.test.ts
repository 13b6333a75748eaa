import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAgenda } from './agenda.ts';

function ground() {
  const clock = { ms: 1_000 };
  return { clock, agenda: createAgenda(() => clock.ms) };
}

test('FR-006r: all endpoints are looked at first, then when it is time, or at once when changes may have been missed', () => {
  const { clock, agenda } = ground();
  assert.equal(agenda.pause(), 0);
  assert.deepEqual(agenda.take(), { all: true, some: [] });
  agenda.again(5_000);
  assert.equal(agenda.pause(), 5_000);
  clock.ms += 4_999;
  assert.equal(agenda.take().all, false);
  clock.ms += 1;
  assert.equal(agenda.take().all, true);
  agenda.hint(null);
  agenda.again(5_000);
  assert.equal(agenda.pause(), 0, 'what was missed while all were looked at is not in that look');
  assert.equal(agenda.take().all, true);
});

test('FR-006r: what changed is looked at next, a hundred at a time; what is under way when its time comes, once', () => {
  const { clock, agenda } = ground();
  agenda.take();
  agenda.again(60_000);
  for (let index = 0; index < 150; index++) agenda.hint(`changed ${index}`);
  agenda.later('under way', 200);
  assert.equal(agenda.take().some.length, 100);
  assert.equal(agenda.pause(), 0);
  assert.equal(agenda.take().some.length, 50);
  assert.equal(agenda.pause(), 200);
  clock.ms += 200;
  agenda.later('other', 100);
  agenda.later('ended', 100);
  agenda.drop('ended');
  assert.deepEqual(agenda.take().some, ['under way']);
  clock.ms += 100;
  assert.deepEqual(agenda.take().some, ['other']);
  assert.deepEqual(agenda.take().some, []);
  assert.equal(agenda.pause(), 59_700);
});
