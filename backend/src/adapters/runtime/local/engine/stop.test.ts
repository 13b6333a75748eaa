import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createStopFilter } from './stop.ts';

test('FR-006l: a stop sequence cut over several tokens is found, and nothing of it is shown', () => {
  const filter = createStopFilter(['\nUser:']);
  assert.deepEqual(filter.push('Hello\nUs'), { text: 'Hello', stopped: false });
  assert.deepEqual(filter.push('er'), { text: '', stopped: false });
  assert.deepEqual(filter.push(': more'), { text: '', stopped: true });
  const other = createStopFilter(['END']);
  assert.equal(other.push('THE EN').text, 'THE ');
  assert.equal(other.flush(), 'EN');
});

test('FR-006l: however a text is cut, the shown part ends before the first stop sequence', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 30 });
  const stops = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 4 }), {
    maxLength: 3,
  });
  fc.assert(
    fc.property(fc.array(letters, { maxLength: 6 }), stops, (pieces, sequences) => {
      const filter = createStopFilter(sequences);
      let shown = '';
      let stopped = false;
      for (const piece of pieces) {
        const step = filter.push(piece);
        shown += step.text;
        stopped = step.stopped;
        if (stopped) break;
      }
      if (!stopped) shown += filter.flush();
      const whole = pieces.join('');
      if (stopped) {
        assert.ok(whole.startsWith(shown) && sequences.some((stop) => whole.startsWith(shown + stop)));
        assert.ok(!sequences.some((stop) => shown.includes(stop)));
      } else {
        assert.equal(shown, whole);
        assert.ok(!sequences.some((stop) => whole.includes(stop)));
      }
    }),
    { numRuns: 2000 },
  );
});
