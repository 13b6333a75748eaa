import assert from 'node:assert/strict';
import { test } from 'node:test';
import { again, createWords, remedyBy, together } from './index.ts';

const words = createWords('shop', {
  closed: { message: 'The shop {name} is closed.', remedy: 'Come back in {days:day}.' },
  sold: { message: '{items:entry|entries} sold: {names}.' },
  failed: { message: 'It failed. {cause}', remedy: 'Try again.' },
  broken: { text: 'The till is broken.' },
});

test('UI-1: a sentence is told in English, with its code and its values for every other language', () => {
  assert.deepEqual(words.tell('closed', { name: 'Nord', days: 1 }), {
    message: 'The shop Nord is closed.',
    remedy: 'Come back in 1 day.',
    said: {
      message: { code: 'shop.closed.message', values: { name: 'Nord' } },
      remedy: { code: 'shop.closed.remedy', values: { days: 1 } },
    },
  });
  assert.equal(
    words.tell('sold', { items: 12_345, names: ['tea', 'salt'] }).message,
    '12,345 entries sold: tea, salt.',
  );
  assert.equal(words.tell('sold', { items: 1, names: [] }).message, '1 entry sold: .');
});

test('UI-1: a sentence stands in another one, and words of somebody else as they are', () => {
  const inner = words.tell('closed', { name: 'Nord', days: 2 });
  const outer = words.tell('failed', { cause: again(inner, 'message') });
  assert.equal(outer.message, 'It failed. The shop Nord is closed.');
  assert.deepEqual(outer.said['message']?.values?.['cause'], { text: inner.message, ...inner.said['message'] });
  const foreign = words.tell('failed', { cause: again({ message: '0/3 nodes are available' }, 'message') });
  assert.equal(foreign.said['message']?.values?.['cause'], '0/3 nodes are available');
  const several = words.tell('failed', { cause: [words.line('broken'), words.line('broken')] });
  assert.equal(several.message, 'It failed. The till is broken. The till is broken.');
});

test('UI-1: what replaces a field replaces what is known of it', () => {
  const own = together(words.tell('failed', { cause: '' }), { message: 'exit 137', said: undefined });
  assert.deepEqual([own.message, Object.keys(own.said)], ['exit 137', ['remedy']]);
  const advised = together(own, remedyBy(words.tell('closed', { name: 'Nord', days: 3 })));
  assert.deepEqual([advised.message, advised.remedy], ['exit 137', 'Come back in 3 days.']);
  assert.deepEqual(Object.keys(advised.said), ['remedy']);
});
