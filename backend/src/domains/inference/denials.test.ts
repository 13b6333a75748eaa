import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDenials, type Denial } from './denials.ts';

test('GOV-audit, FR-010: repeated denials of a call become one entry that says how many', () => {
  const written: Denial[] = [];
  const denials = createDenials((denial) => void written.push(denial), 60_000);
  const identity = { kind: 'api-key', userId: 'ada' } as Denial['identity'];
  for (let call = 0; call < 1000; call += 1)
    denials.add({ identity, route: 'secret', rule: 'api-key', requestId: `r${call}` });
  denials.add({ identity, route: 'other', rule: 'api-key', requestId: 'x' });
  assert.deepEqual(
    written.map(({ route, times }) => [route, times]),
    [
      ['secret', 1],
      ['other', 1],
    ],
    'the first of each at once',
  );
  denials.close();
  assert.deepEqual(
    written.slice(2).map(({ route, times }) => [route, times]),
    [['secret', 999]],
  );
});
