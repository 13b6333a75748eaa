import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createParser, frame, unframe } from '#platform/wire';
import { createStreamFollower } from './events.ts';
import { createReasonTeller } from './reasons.ts';

type StreamOptions = Parameters<typeof createStreamFollower>[0];

const event = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;
const delta = (text: string, more: object = {}): string =>
  event({ id: 'x', model: 'm', choices: [{ index: 0, delta: { content: text }, finish_reason: null }], ...more });
const finish = event({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] });
const counted = { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 };
const usage = event({ choices: [], usage: counted });
const done = 'data: [DONE]\n\n';

/** What a client gets of a chunked stream whose bytes come in pieces, as the exchange handles them. */
function follow(events: readonly string[], cuts: readonly number[], options: Partial<StreamOptions>) {
  const follower = createStreamFollower({ wantsUsage: true, strip: false, reasons: null, ...options });
  const out: Buffer[] = [];
  const parser = createParser({
    onHead() {},
    onBody: (payload) => out.push(Buffer.from(follower.push(payload))),
    onFrames(frames, count) {
      const framed = follower.frames(frames, count);
      if (framed === null) out.push(Buffer.from(follower.push(unframe(frames))));
      else if (framed.length > 0) out.push(unframe(framed));
    },
    onEnd() {},
  });
  const bytes = Buffer.concat([
    Buffer.from('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n'),
    ...events.flatMap((text) => (text.match(/.+?\n\n/gs) ?? [text]).map((one) => frame(Buffer.from(one)))),
    Buffer.from('0\r\n\r\n'),
  ]);
  let from = 0;
  for (const cut of [...cuts.map((share) => Math.floor(share * bytes.length)).sort((a, b) => a - b), bytes.length]) {
    parser.push(Buffer.from(bytes.subarray(from, cut)));
    from = cut;
  }
  out.push(follower.end());
  return { text: Buffer.concat(out).toString(), facts: follower.facts };
}

const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 });

test('FR-006l: however a stream is cut, its events arrive whole, and usage that nobody asked for is held back', () => {
  const events = [delta('안녕 "usage"'), delta('b', { usage: null }), finish, usage, done];
  fc.assert(
    fc.property(cuts, fc.boolean(), (at, wantsUsage) => {
      const { text, facts } = follow(events, at, { wantsUsage, strip: false });
      assert.equal(text, events.filter((one) => wantsUsage || one !== usage).join(''));
      assert.deepEqual(facts, {
        usage: { prompt_tokens: 7, completion_tokens: 2 },
        finishReason: 'stop',
        responseId: 'x',
        responseModel: 'm',
        done: true,
        pieces: 2,
        error: null,
      });
    }),
    { numRuns: 3000 },
  );
});

test('FR-006l: usage with each piece, asked for by the gateway alone, is taken out of the pieces and known at every moment', () => {
  const so = (tokens: number): object => ({
    usage: { prompt_tokens: 7, completion_tokens: tokens, total_tokens: 7 + tokens },
  });
  const events = [delta('a', so(1)), delta('b', so(2)), finish, usage, done];
  const plain = [delta('a'), delta('b'), finish, done].join('');
  fc.assert(
    fc.property(cuts, (at) => {
      const { text, facts } = follow(events, at, { wantsUsage: false, strip: true });
      assert.equal(text, plain);
      assert.deepEqual(facts.usage, { prompt_tokens: 7, completion_tokens: 2 });
    }),
    { numRuns: 1000 },
  );
  const cut = follow(events.slice(0, 1), [], { wantsUsage: false, strip: true });
  assert.deepEqual(cut.facts.usage, { prompt_tokens: 7, completion_tokens: 1 });
});

test('FR-006l: spaces in the JSON hide neither usage nor the reason for the end', () => {
  const spaced = [
    'data: {"choices": [{"delta": {"content": "a"}, "finish_reason": null}], "usage": null}\n\n',
    'data: {"choices": [{"delta": {}, "finish_reason": "length"}]}\n\n',
    'data: {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}\n\n',
    done,
  ];
  const { facts } = follow(spaced, [], { wantsUsage: false, strip: false });
  assert.deepEqual(
    [facts.usage, facts.finishReason, facts.done],
    [{ prompt_tokens: 1, completion_tokens: 1 }, 'length', true],
  );
});

test('FR-006l: of many events at once the one that ends them is found, however it is written', () => {
  const many = (text: string): string => text.repeat(40);
  for (const [plain, end] of [
    [delta('a'), finish],
    [
      'data: {"choices": [{"delta": {"content": "a"}, "finish_reason": null}]}\n\n',
      'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\n',
    ],
    [
      'data: {"choices" : [{"delta" : {"content" : "a"}, "finish_reason" : null}]}\n\n',
      'data: {"choices" : [{"delta" : {}, "finish_reason" :\t"stop"}]}\n\n',
    ],
  ] as const) {
    const total = 'data: {"choices" : [], "usage" : {"prompt_tokens" : 7, "completion_tokens" : 2}}\n\n';
    const last = plain.includes('" :') ? total : usage;
    const { facts, text } = follow([many(plain), end, last, done], [], { wantsUsage: true, strip: false });
    assert.equal(text, many(plain) + end + last + done);
    assert.deepEqual(
      [facts.finishReason, facts.usage, facts.done, facts.pieces],
      ['stop', { prompt_tokens: 7, completion_tokens: 2 }, true, 40],
    );
  }
});

test('FR-006l: usage that cannot be is no usage', () => {
  for (const wrong of [-1, 1.5, 1e12, '3', null]) {
    const lie = event({ choices: [], usage: { prompt_tokens: wrong, completion_tokens: 1 } });
    assert.equal(follow([delta('a'), lie, done], [], { wantsUsage: true, strip: false }).facts.usage, null);
  }
});

test('parsers: no bytes crash or hang the follower', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      'data: ',
      '\n\n',
      '\r\n\r\n',
      '{"usage":',
      '"finish_reason":',
      '[DONE]',
      ':',
      '{',
      '}',
      usage,
      done,
    ),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), cuts, (pieces, at) => {
      const given = pieces.filter((text) => text !== '');
      const { text } = follow(given, at, { wantsUsage: true, strip: false });
      // An event that was cut is closed; nothing else is added.
      assert.ok(text === given.join('') || text === `${given.join('')}\n\n`);
    }),
    { numRuns: 10_000 },
  );
});

test('FR-006l: an error that an engine tells of in the middle of its answer is known, however it is written and cut', () => {
  const told = [
    event({ error: { message: 'out of memory', type: 'server_error', code: 500 } }),
    event({ error: 'out of memory', error_type: 'generation' }),
    'data: {"error": {"message": "out of memory"}}\n\n',
  ];
  fc.assert(
    fc.property(cuts, fc.constantFrom(...told), fc.boolean(), (at, failed, ends) => {
      const events = [delta('a "error": b', { error: null }), failed, ...(ends ? [done] : [])];
      const { text, facts } = follow(events, at, { wantsUsage: false, strip: false });
      assert.equal(text, events.join(''));
      assert.deepEqual([facts.error, facts.pieces, facts.done], ['out of memory', 1, ends]);
    }),
    { numRuns: 1000 },
  );
});

test("FR-006d: an engine's own reasons to finish are told in OpenAI's words, however the stream is cut; no other byte changes", () => {
  const words = { eos_token: 'stop', stop_sequence: 'stop', '': null };
  const reasons = () => createReasonTeller({ words, afterTools: null });
  const piece = (text: string, reason: string): string =>
    `data:{"id":"","choices":[{"index":0,"text":${JSON.stringify(text)},"logprobs":null,"finish_reason":${reason}}]}\n\n`;
  const text = 'a "finish_reason":"eos_token" 안녕';
  const events = (on: string, end: string): string[] => [piece(text, on), piece('b', on), piece('c', end), done];
  fc.assert(
    fc.property(cuts, fc.constantFrom('"eos_token"', ' "stop_sequence"', '"length"'), (at, end) => {
      const { text: got, facts } = follow(events('""', end), at, { reasons: reasons() });
      const told = end.replace(/eos_token|stop_sequence/, 'stop');
      assert.equal(got, events('null', told).join(''));
      assert.deepEqual([facts.finishReason, facts.done], [JSON.parse(told), true]);
    }),
  );
  assert.equal(follow(events('""', '"eos_token"'), [], {}).text, events('""', '"eos_token"').join(''));
});

test('FR-006d: a stream that called tools ended for that, where the engine does not tell, however it is cut', () => {
  const call = (more: string): string =>
    `data:{"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","tool_calls":[{"index":0,"function":{"name":"weather","arguments":${JSON.stringify(more)}}}]},"logprobs":null,"finish_reason":null}]}\n\n`;
  const end = (reason: string): string =>
    `data:{"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":"${reason}"}]}\n\n`;
  const finishReasons = { words: { '': null }, afterTools: { stop: 'tool_calls' } };
  fc.assert(
    fc.property(cuts, fc.boolean(), fc.constantFrom('stop', 'length'), (at, calls, own) => {
      const before = calls ? [call('{"city"'), call(':"서울"}')] : [delta('"tool_calls":[{')];
      const reasons = createReasonTeller(finishReasons);
      const { text, facts } = follow([...before, end(own), done], at, { reasons });
      const told = calls && own === 'stop' ? 'tool_calls' : own;
      assert.equal(text, [...before, end(told), done].join(''));
      assert.equal(facts.finishReason, told);
    }),
  );
});
