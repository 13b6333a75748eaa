import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createStreamReader } from './sse.ts';

const delta = (text: string): string =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: text } }] })}\n\n`;
const finish = `data: ${JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })}\n\n`;
const usage = `data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 } })}\n\n`;
const done = 'data: [DONE]\n\n';

function read(stream: Buffer, cuts: number[], wantsUsage: boolean) {
  const reader = createStreamReader({ wantsUsage });
  const out: Buffer[] = [];
  let from = 0;
  for (const cut of [
    ...cuts.map((share) => Math.floor(share * stream.length)).toSorted((a, b) => a - b),
    stream.length,
  ]) {
    out.push(reader.push(stream.subarray(from, cut)));
    from = cut;
  }
  out.push(reader.end());
  return { text: Buffer.concat(out).toString(), facts: reader.facts };
}

test('FR-006l: however a stream is cut, its events arrive whole, and usage that nobody asked for is held back', () => {
  const stream = Buffer.from(`${delta('안녕 "usage"')}${delta('b')}${finish}${usage}${done}`);
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 }),
      fc.boolean(),
      (cuts, wantsUsage) => {
        const { text, facts } = read(stream, cuts, wantsUsage);
        assert.equal(text, wantsUsage ? stream.toString() : stream.toString().replace(usage, ''));
        assert.deepEqual(facts, {
          usage: { prompt_tokens: 7, completion_tokens: 2 },
          finishReason: 'stop',
          done: true,
          contentChunks: 2,
        });
      },
    ),
    { numRuns: 2000 },
  );
});

test('parsers: no bytes crash or hang the stream reader', () => {
  const piece = fc.oneof(
    fc.constantFrom('data: ', '\n\n', '\r\n\r\n', '{"usage":', '"finish_reason":', '[DONE]', ':', '{', '}'),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const reader = createStreamReader({ wantsUsage: true });
      const out = Buffer.concat([...pieces.map((text) => reader.push(Buffer.from(text))), reader.end()]).toString();
      // An event that was cut is closed; nothing else is added.
      assert.ok(out === pieces.join('') || out === `${pieces.join('')}\n\n`);
    }),
    { numRuns: 10_000 },
  );
});
