import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import type { Reply } from '../reply.ts';
import { readHead } from './head.ts';
import { openLane } from './index.ts';

type Handle = (reply: Reply, body: Buffer, url: string) => void;

/** Each answers with what it read, so that a byte that one of them takes for another request's shows. */
let handle: Handle;
const echo: Handle = (reply, body, url) => reply.whole(200, 'x-reader: lane\r\n', Buffer.from(`${url} ${body}`));
let server: Server;
before(async () => {
  server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      response.setHeader('x-reader', 'node');
      response.end(request.method === 'HEAD' ? undefined : `${request.url} ${Buffer.concat(parts)}`);
    });
  });
  openLane(server, {
    takes: (url) => url.startsWith('/v1/'),
    handle: ({ url }, body, reply) => handle(reply, body, url!),
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
after(() => server.close());

const portOf = (of: Server): number => (of.address() as AddressInfo).port;
const open = (): Socket => connect(portOf(server), '127.0.0.1');
/** After it the connection ends, so that nobody has to wait for silence. */
const last = 'GET /last HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n';

/** Sends pieces, each by itself, and a last request that ends the connection; tells all that came. */
async function talk(pieces: readonly (string | Buffer)[], port = portOf(server)): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  let told = '';
  socket.setEncoding('latin1').on('data', (piece: string) => (told += piece));
  // a refused connection may be reset while more is sent
  socket.on('error', () => {});
  const closed = once(socket, 'close');
  for (const piece of pieces) {
    socket.write(pieces.length > 1 ? piece : Buffer.concat([Buffer.from(piece), Buffer.from(last)]));
    if (pieces.length > 1) await sleep(2);
  }
  if (pieces.length > 1) socket.write(last);
  await closed;
  return told;
}

const post = (body: string, more = '', url = '/v1/x'): string =>
  `POST ${url} HTTP/1.1\r\nhost: a\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${more}\r\n${body}`;
const readers = (told: string): string[] => [...told.matchAll(/x-reader: (\w+)/gi)].map(([, name]) => name!);
const bodies = (told: string): string[] =>
  told
    .split(/HTTP\/1\.1 \d+ [^\r]*\r\n/)
    .slice(1)
    .map((one) => one.slice(one.indexOf('\r\n\r\n') + 4));

test('FR-006l: plain requests are read in the lane, however their bytes come, and answered in their order', async () => {
  handle = echo;
  const bytes = Buffer.from(post('one') + post('two', 'x-more: yes\r\n') + post('') + post('three'));
  const inOrder = ['/v1/x one', '/v1/x two', '/v1/x ', '/v1/x three', '/last '];
  for (const size of [bytes.length, 1, 7, 61]) {
    const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
      bytes.subarray(at * size, (at + 1) * size),
    );
    const told = await talk(pieces);
    assert.deepEqual(bodies(told), inOrder, `in pieces of ${size}`);
    assert.deepEqual(readers(told), ['lane', 'lane', 'lane', 'lane', 'node']);
    assert.match(told, /connection: keep-alive\r\nkeep-alive: timeout=65\r\n/);
  }
});

test('FR-006l: pipelined requests wait for the answer before theirs, also when that comes late', async () => {
  const replies: Reply[] = [];
  handle = (reply, body, url) => void (replies.push(reply) && setTimeout(() => echo(reply, body, url), 30));
  const told = await talk([post('one') + post('two') + post('three')]);
  assert.deepEqual(bodies(told), ['/v1/x one', '/v1/x two', '/v1/x three', '/last ']);
  assert.equal(replies.length, 3);
});

/** What Node's own server has to decide, and where the lane must not read on. */
const notPlain: Record<string, string> = {
  'another method': 'GET /v1/x HTTP/1.1\r\nhost: a\r\n\r\n',
  'another path': post('other', '', '/else'),
  'a chunked body': 'POST /v1/x HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nother\r\n0\r\n\r\n',
  'both lengths': 'POST /v1/x HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
  'two lengths': 'POST /v1/x HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 3\r\n\r\nother',
  'the same length twice': 'POST /v1/x HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 5\r\n\r\nother',
  'a list of lengths': 'POST /v1/x HTTP/1.1\r\nhost: a\r\ncontent-length: 5, 5\r\n\r\nother',
  'a signed length': 'POST /v1/x HTTP/1.1\r\nhost: a\r\ncontent-length: +5\r\n\r\nother',
  'no length': 'POST /v1/x HTTP/1.1\r\nhost: a\r\n\r\n',
  'a folded header': 'POST /v1/x HTTP/1.1\r\nhost: a\r\nx-one: 1\r\n two\r\ncontent-length: 5\r\n\r\nother',
  'a space before the colon': 'POST /v1/x HTTP/1.1\r\nhost: a\r\ncontent-length : 5\r\n\r\nother',
  'a bare line feed': 'POST /v1/x HTTP/1.1\r\nhost: a\r\nx-one: 1\nx-two: 2\r\ncontent-length: 5\r\n\r\nother',
  'a bare carriage return': 'POST /v1/x HTTP/1.1\r\nhost: a\r\nx-one: 1\rx-two: 2\r\ncontent-length: 5\r\n\r\nother',
  'lines that end with line feeds': 'POST /v1/x HTTP/1.1\nhost: a\ncontent-length: 5\n\nother',
  'a zero byte': 'POST /v1/x HTTP/1.1\r\nhost: a\r\nx-one: \0\r\ncontent-length: 5\r\n\r\nother',
  'two hosts': 'POST /v1/x HTTP/1.1\r\nhost: a\r\nhost: b\r\ncontent-length: 5\r\n\r\nother',
  'no host': 'POST /v1/x HTTP/1.1\r\ncontent-length: 5\r\n\r\nother',
  'an expectation': 'POST /v1/x HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\nother',
  'the end of the connection': post('other', 'connection: close\r\n'),
  'HTTP/1.0': 'POST /v1/x HTTP/1.0\r\nhost: a\r\ncontent-length: 5\r\n\r\nother',
  'an absolute address': post('other', '', 'http://a/v1/x'),
  'a large body': post('o'.repeat(200_000)),
  'a large head': post('other', `x-large: ${'x'.repeat(20_000)}\r\n`),
  'many headers': post('other', Array.from({ length: 120 }, (_, at) => `x-${at}: 1\r\n`).join('')),
  noise: '\u0016\u0003\u0001 this is no HTTP\r\n\r\n',
};

for (const [what, text] of Object.entries(notPlain)) {
  test(`FR-006l: ${what}: read by Node's server as if there were no other, first on its connection and later`, async () => {
    const lane: string[] = [];
    handle = (reply, body, url) => {
      lane.push(body.toString());
      echo(reply, body, url);
    };
    const follow = post('next');
    const alone = createServer((request, response) => server.emit('request', request, response)).listen(0, '127.0.0.1');
    await once(alone, 'listening');
    const undated = (all: string): string => all.replace(/date: [^\r]*/gi, '');
    const told = undated(await talk([text + follow], portOf(alone)));
    alone.close();
    assert.ok(told.length > 0);
    assert.equal(undated(await talk([text + follow])), told);
    assert.deepEqual(lane, []);
    const later = undated(await talk([post('before'), text + follow]));
    assert.equal(later.replace(/^[^]*?\/v1\/x before/, ''), told);
    assert.deepEqual(lane, ['before']);
  });
}

test('FR-006l: a stream leaves with its head in as few writes as there are turns, and its end ends it', async () => {
  handle = (reply) => {
    reply.open('x-reader: lane\r\n');
    assert.ok(reply.opened && !reply.closed);
    reply.frames(Buffer.from('4\r\none \r\n'));
    reply.body(Buffer.from('two '));
    reply.flush();
    setTimeout(() => {
      reply.body(Buffer.from('three'));
      reply.end();
      assert.ok(reply.closed);
    }, 20);
  };
  const told = await talk([post('a') + post('b')]);
  const one = 'transfer-encoding: chunked\r\n';
  assert.equal(told.split(one).length, 3);
  assert.equal(told.split('\r\n\r\n4\r\none \r\n4\r\ntwo \r\n5\r\nthree\r\n0\r\n\r\n').length, 3);
});

test('FR-006l, FR-009: the end of a stream may leave later than the turn in which its bytes are there', async () => {
  handle = (reply) => {
    const shared = Buffer.from('4\r\none \r\n');
    reply.open('');
    reply.frames(shared);
    const send = reply.ending();
    shared.fill('x');
    setTimeout(send, 10);
  };
  const told = await talk([post('a') + post('b')]);
  assert.equal(told.split('\r\n\r\n4\r\none \r\n0\r\n\r\n').length, 3);
});

test('FR-006l: whoever is slow holds its own answer back alone, and whoever goes away is told of at once', async () => {
  const told: string[] = [];
  const chunk = Buffer.alloc(256 * 1024, 97);
  let reply: Reply | null = null;
  handle = (given) => {
    reply = given;
    given.watch({ gone: () => void told.push('gone'), drained: () => void told.push('drain') });
    given.open('');
  };
  const socket = open();
  socket.pause();
  socket.write(post('x'));
  for (let waited = 0; reply === null && waited < 2000; waited += 5) await sleep(5);
  let free = true;
  for (let count = 0; free && count < 200; count += 1) {
    reply!.body(chunk);
    free = reply!.flush();
    await sleep(1);
  }
  assert.ok(!free, 'it is told that the client is slow');
  assert.deepEqual(told, []);
  socket.resume();
  for (let waited = 0; told.length === 0 && waited < 5000; waited += 5) await sleep(5);
  assert.deepEqual(told, ['drain']);
  socket.destroy();
  for (let waited = 0; told.length < 2 && waited < 5000; waited += 5) await sleep(5);
  assert.deepEqual(told, ['drain', 'gone']);
  assert.ok(reply!.closed);
  reply!.body(chunk);
  reply!.end();
});

test('FR-006l: a client that sends far ahead is not read on until its answers are there', async () => {
  handle = (reply, body, url) => void setTimeout(() => echo(reply, Buffer.from(String(body.length)), url), 2);
  const ahead = 40;
  const told = await talk([post('y'.repeat(60_000)).repeat(ahead)]);
  assert.deepEqual(bodies(told), [...Array<string>(ahead).fill('/v1/x 60000'), '/last ']);
});

test('FR-006l: when the server is closing, idle connections end, and the others with their answer', async () => {
  const own = createServer(() => {});
  let reply: Reply | null = null;
  openLane(own, { takes: () => true, handle: (_request, _body, given) => void (reply = given) });
  own.listen(0, '127.0.0.1');
  await once(own, 'listening');
  const dial = (): Socket => connect((own.address() as AddressInfo).port, '127.0.0.1');
  const [idle, busy] = [dial(), dial()];
  await Promise.all([once(idle, 'connect'), once(busy, 'connect')]);
  let told = '';
  busy.setEncoding('latin1').on('data', (piece: string) => (told += piece));
  busy.write(post('a'));
  for (let waited = 0; reply === null && waited < 2000; waited += 5) await sleep(5);
  const closed = once(own, 'close');
  own.close();
  await once(idle.resume(), 'end');
  reply!.whole(200, '', Buffer.from('done'));
  await closed;
  assert.match(told, /connection: close\r\n\r\ndone$/);
});

test('FR-006l: a head that speaks of codings, of the connection or of another protocol is left to Node', () => {
  const plain = 'POST /v1/x HTTP/1.1\r\nhost: a\r\ncontent-length: 1';
  assert.ok(readHead(plain));
  assert.ok(readHead(`${plain}\r\nConnection: Keep-Alive`));
  for (const line of [
    'upgrade: h2c',
    'connection: upgrade',
    'te: trailers',
    'trailer: x',
    'HTTP2-Settings: x',
    'proxy-connection: close',
  ])
    assert.equal(readHead(`${plain}\r\n${line}`), null, line);
});

test('parsers: a head that is read in the lane says what its bytes say, and noise is left to Node', () => {
  const token = fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/);
  const value = fc.stringMatching(/^[!-~]([ -~]{0,20}[!-~])?$/);
  fc.assert(
    fc.property(fc.uniqueArray(fc.tuple(token, value), { selector: ([name]) => name, maxLength: 20 }), (pairs) => {
      const used = ['host', 'connection', 'content-length', 'transfer-encoding', 'te', 'trailer', 'expect', 'upgrade'];
      const free = pairs.filter(([name]) => !used.includes(name) && name !== 'keep-alive');
      const lines = free.map(([name, text]) => `\r\n${name}: ${text}`).join('');
      const head = readHead(`POST /v1/x?y HTTP/1.1\r\nHost: a:1${lines}\r\nContent-Length: 12`);
      assert.ok(head);
      assert.deepEqual({ ...head.headers }, { host: 'a:1', 'content-length': '12', ...Object.fromEntries(free) });
      assert.deepEqual([head.url, head.length], ['/v1/x?y', 12]);
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (noise) => {
      const head = readHead(`POST /v1/x HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\nx: ${noise}`);
      // eslint-disable-next-line no-control-regex
      if (/[\0-\x08\x0a-\x1f\x7f]|[^\0-\xff]/.test(noise)) assert.equal(head, null);
    }),
    { numRuns: 1000 },
  );
});
