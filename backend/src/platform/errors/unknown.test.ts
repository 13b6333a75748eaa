import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nearest, unknownField } from './unknown.ts';

const known = ['name', 'description', 'owner_team', 'modelId', 'max_tokens', 'requestsPerMinute'];

test('FR-008: a misspelt name is led to the one that was meant: letters left out, doubled, swapped or wrong, and other words of its case', () => {
  const meant: Record<string, string | null> = {
    descripton: 'description',
    decsription: 'description',
    desccription: 'description',
    max_toknes: 'max_tokens',
    'max-tokens': 'max_tokens',
    MAXTOKEN: 'max_tokens',
    model: 'modelId',
    owner_tema: 'owner_team',
    requestPerMinutes: 'requestsPerMinute',
    nmae: 'name',
    rpm: null,
    colour: null,
    limit: null,
    '': null,
  };
  assert.deepEqual(Object.fromEntries(Object.keys(meant).map((name) => [name, nearest(name, known)])), meant);
  assert.equal(nearest('x'.repeat(100_000), known), null);
  assert.equal(nearest('at', ['to', 'by']), null);
});

test('FR-008: of several near names the nearest is told, and a name that is one letter off is always found', () => {
  assert.equal(nearest('min_replica', ['max_replicas', 'min_replicas']), 'min_replicas');
  const word = fc.stringMatching(/^[a-z]{4,20}$/);
  fc.assert(
    fc.property(word, fc.nat(), (name, at) => {
      const place = at % name.length;
      assert.equal(nearest(name.slice(0, place) + name.slice(place + 1), [name]), name);
    }),
  );
});

test('FR-008: the issue names its place and all that is known; what was read and sent back is told apart', () => {
  const meant = { meant: 'amount', known: ['amount', 'tokens'] };
  assert.deepEqual(unknownField(['limit', 'amuont'], meant.known), {
    path: 'limit.amuont',
    message: 'Not known. Did you mean amount? Known are amount, tokens.',
    said: { message: { code: 'field.unknown_meant.message', values: meant } },
  });
  assert.deepEqual(unknownField(['status'], ['state'], new Set(['status'])), {
    path: 'status',
    message: 'Answered, but not taken here: leave it out. Known are state.',
    said: { message: { code: 'field.answered.message', values: { known: ['state'] } } },
  });
  const { path, message } = unknownField(['x'], []);
  assert.deepEqual([path, message], ['x', 'Not known. Nothing is taken here.']);
});
