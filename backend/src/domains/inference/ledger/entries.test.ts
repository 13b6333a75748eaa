import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UsageEvent } from '../usage.ts';
import { createEntries } from './entries.ts';
import { ownFields, sourceFields } from './sources.ts';

/** An event of which each field has a value of its own. */
const eventOf = (name: string): UsageEvent =>
  Object.fromEntries([...ownFields, ...sourceFields].map((field) => [field, `${name} ${field}`])) as never;

test('FR-009: an entry that is used again is of the new event in every field, open and unwritten; it was not given back while it was used', () => {
  const entries = createEntries(1);
  const [one, two] = [entries.of(eventOf('one')), entries.of(eventOf('two'))];
  assert.notEqual(one, two);
  Object.assign(one, { ended: true, dirty: true });
  entries.giveBack(one);
  entries.giveBack(two);
  const given = eventOf('three');
  const again = entries.of(given);
  assert.equal(again, one);
  assert.deepEqual(again, {
    event: eventOf('three'),
    ended: false,
    segment: null,
    dirty: false,
    reusable: true,
    place: -1,
  });
  assert.notEqual(again.event, given, 'a copy');
  assert.notEqual(entries.of(eventOf('four')), two, 'no more than one is kept');
  const replayed = { event: eventOf('five'), ended: true, segment: null, dirty: false, reusable: false, place: -1 };
  entries.giveBack(replayed);
  assert.notEqual(entries.of(eventOf('six')), replayed, 'what was read from a file has fields of its own');
});
