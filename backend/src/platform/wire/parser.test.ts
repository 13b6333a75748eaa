import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createParser, frame, headerOf, ProtocolError, unframe } from '#platform/wire';

interface Seen {
  status: number;
  head: string;
  body: string;
  ends: number;
  frames: number;
  reusable: boolean;
}

/** Reads `bytes` in the given pieces. */
function read(bytes: Buffer, cuts: readonly number[] = [], closed = false): Seen {
  const seen: Seen = { status: 0, head: '', body: '', ends: 0, frames: 0, reusable: false };
  const parser = createParser({
    onHead: (status, head) => Object.assign(seen, { status, head }),
    onBody: (payload) => (seen.body += payload.toString('latin1')),
    onFrames(frames, count) {
      seen.frames += count;
      seen.body += unframe(frames).toString('latin1');
    },
    onEnd: () => (seen.ends += 1),
  });
  let from = 0;
  for (const cut of [...cuts.filter((at) => at > 0 && at < bytes.length).sort((a, b) => a - b), bytes.length]) {
    // pieces come in memory that is used again
    const piece = Buffer.from(bytes.subarray(from, cut));
    parser.push(piece);
    piece.fill(0);
    from = cut;
  }
  if (closed) parser.close();
  seen.reusable = parser.reusable();
  return seen;
}

const http = (head: string, body: string | Buffer = ''): Buffer =>
  Buffer.concat([Buffer.from(`${head.replaceAll('\n', '\r\n')}\r\n\r\n`, 'latin1'), Buffer.from(body)]);

test('FR-006l, REL: an answer is the same however its bytes are cut', () => {
  const chunk = fc.oneof(fc.string({ minLength: 1, maxLength: 40 }), fc.constant('data: {"a":1}\n\n'));
  const answer = fc.record({
    chunks: fc.array(chunk, { maxLength: 12 }),
    way: fc.constantFrom('chunked', 'length', 'close'),
    interim: fc.boolean(),
    trailer: fc.boolean(),
    cuts: fc.array(fc.nat(2000), { maxLength: 20 }),
  });
  fc.assert(
    fc.property(answer, ({ chunks, way, interim, trailer, cuts }) => {
      const parts = chunks.map((text) => Buffer.from(text));
      const body = Buffer.concat(parts);
      const first = interim ? http('HTTP/1.1 103 Early\nlink: x') : Buffer.alloc(0);
      const end = Buffer.from(`0\r\n${trailer ? 'x-sum: 1\r\n' : ''}\r\n`);
      const whole = {
        chunked: Buffer.concat([
          http('HTTP/1.1 200 OK\nTransfer-Encoding: chunked'),
          ...parts.map((part) => frame(part)),
          end,
        ]),
        length: http(`HTTP/1.1 200 OK\nContent-Length:  ${body.length} `, body),
        close: http('HTTP/1.0 200 OK', body),
      }[way];
      const seen = read(Buffer.concat([first, whole!]), cuts, way === 'close');
      assert.equal(seen.body, body.toString('latin1'));
      assert.deepEqual([seen.status, seen.ends, seen.reusable], [200, 1, way !== 'close']);
    }),
    { numRuns: 10_000 },
  );
});

test('FR-006l: whole chunks that each end an event are given with their framing', () => {
  const event = frame(Buffer.from('data: {}\n\n'));
  const seen = read(
    Buffer.concat([http('HTTP/1.1 200 OK\ntransfer-encoding: chunked'), event, event, event, Buffer.from('0\r\n\r\n')]),
  );
  assert.deepEqual([seen.frames, seen.body.length, seen.ends], [3, 30, 1]);
});

test('REL: what two readers could read in two ways is refused, or the connection is not used again', () => {
  const refused = [
    'HTTP/2 200 OK\n',
    'HTTP/1.1 20 OK',
    'HTTP/1.1 200 OK\ncontent-length: -1',
    'HTTP/1.1 200 OK\ncontent-length: 1\ncontent-length: 2',
    'HTTP/1.1 200 OK\ncontent-length: 0x10',
    'HTTP/1.1 200 OK\ntransfer-encoding: gzip, chunked',
    'HTTP/1.1 101 Switching\nupgrade: x',
    `HTTP/1.1 200 OK\nx: ${'y'.repeat(70_000)}`,
  ];
  for (const head of refused) assert.throws(() => read(http(head, 'ab')), ProtocolError, head.slice(0, 60));
  const chunked = 'HTTP/1.1 200 OK\ntransfer-encoding: chunked';
  for (const body of ['zz\r\nab', '3\r\nabcd\r\n', '-1\r\n', `${'0'.repeat(2000)}1\r\na`]) {
    assert.throws(() => read(http(chunked, body)), ProtocolError, body.slice(0, 20));
  }
  assert.throws(() => read(http('HTTP/1.1 200 OK\ncontent-length: 5', 'abc'), [], true), ProtocolError);
  assert.throws(() => read(http(chunked, '5\r\nabc'), [], true), ProtocolError);
  const more = read(http('HTTP/1.1 200 OK\ncontent-length: 2', 'abHTTP/1.1 200 OK\r\n'));
  assert.deepEqual([more.body, more.ends, more.reusable], ['ab', 1, false]);
  assert.equal(read(http(`${chunked}\ncontent-length: 3`, '0\r\n\r\n')).reusable, false);
  assert.equal(read(http('HTTP/1.1 204 No\ncontent-length: 3', 'abc')).reusable, false);
  assert.equal(read(http('HTTP/1.1 200 OK\nconnection: close\ncontent-length: 0')).reusable, false);
});

test('REL: noise never hangs or crashes the reader, it is refused', () => {
  const noise = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.string({ maxLength: 200 }).map((text) => Buffer.from(`HTTP/1.1 200 OK\r\n${text}\r\n\r\n${text}`)),
    fc.string({ maxLength: 200 }).map((text) => http('HTTP/1.1 200 OK\ntransfer-encoding: chunked', text)),
  );
  fc.assert(
    fc.property(noise, fc.array(fc.nat(400), { maxLength: 5 }), (bytes, cuts) => {
      try {
        read(Buffer.from(bytes), cuts, true);
      } catch (error) {
        assert.ok(error instanceof ProtocolError, String(error));
      }
    }),
    { numRuns: 10_000 },
  );
});

test('FR-006l: headers are found whatever their case, and not within values', () => {
  const head = 'HTTP/1.1 200 OK\r\nX-A: content-type: no\r\nContent-Type:  text/event-stream \r\n';
  assert.equal(headerOf(head, 'content-type'), 'text/event-stream');
  assert.equal(headerOf(head, 'retry-after'), null);
});
