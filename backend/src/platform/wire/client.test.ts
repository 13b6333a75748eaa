import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createDial, createWireClient, unframe, type WireCall, type WireClient, type WireError } from '#platform/wire';

const open: { close(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

/** A server that does what the test says with each request on each connection. */
async function serve(
  onRequest: (socket: Socket, text: string, connection: number) => void,
): Promise<{ client: WireClient; server: Server; connections: () => number }> {
  let connections = 0;
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    const number = (connections += 1);
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (data) => onRequest(socket, data.toString('latin1'), number));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = createWireClient(createDial({ protocol: 'http:', hostname: '127.0.0.1', port }));
  open.push(client, {
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  });
  return { client, server, connections: () => connections };
}

const timeouts = { connectMs: 1000, firstByteMs: 1000, idleMs: 1000 };
const ok = (body: string): string => `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`;

interface Told {
  status: number;
  body: string;
  error: WireError | null;
  at: number[];
}

function ask(
  client: WireClient,
  body = 'x',
  more: Partial<typeof timeouts> = {},
  use: (call: WireCall) => void = () => {},
): Promise<Told> {
  const told: Told = { status: 0, body: '', error: null, at: [] };
  return new Promise((resolve) => {
    const call = client.send(
      { head: 'POST / HTTP/1.1\r\nhost: x\r\n', body: [Buffer.from(body)], timeouts: { ...timeouts, ...more } },
      {
        onHead: (status) => (told.status = status),
        onBody(payload) {
          told.body += payload.toString();
          told.at.push(performance.now());
        },
        onFrames(frames) {
          told.body += unframe(frames).toString();
          told.at.push(performance.now());
        },
        onEnd: () => resolve(told),
        onError(error) {
          told.error = error;
          resolve(told);
        },
      },
    );
    use(call);
  });
}

test('FR-006l: connections are kept and used again; each request has one for itself', async () => {
  const { client, connections } = await serve((socket) => void setTimeout(() => socket.write(ok('fine')), 5));
  for (let count = 0; count < 5; count += 1) assert.equal((await ask(client)).body, 'fine');
  assert.equal(connections(), 1);
  await Promise.all(Array.from({ length: 10 }, () => ask(client)));
  assert.equal(connections(), 10);
  assert.deepEqual(client.stats(), { active: 0, idle: 10 });
});

test('FR-006l: a large body arrives whole, in whatever pieces it is given', async () => {
  const large = 'abc'.repeat(100_000);
  let got = '';
  const { client } = await serve((socket, text) => {
    got += text;
    if (got.endsWith(`\r\n\r\n${large}`)) socket.write(ok('all'));
  });
  assert.equal((await ask(client, large)).body, 'all');
  assert.match(got, /content-length: 300000\r\n/);
});

test('REL: an idle connection that the other side closed costs no request', async () => {
  const { client, connections } = await serve((socket, _text, connection) => {
    // the first connection takes a second request, and is gone
    if (connection === 1 && client.stats().idle === 0 && seen > 0) return void socket.destroy();
    seen += 1;
    socket.write(ok('fine'));
  });
  let seen = 0;
  assert.equal((await ask(client)).body, 'fine');
  await sleep(5);
  assert.equal((await ask(client)).body, 'fine');
  assert.equal(connections(), 2);
});

test('REL: refused, reset, cut short, stalled and nonsense are told apart', async () => {
  const cases: [string, Partial<typeof timeouts>, string, string | null][] = [
    ['reset', {}, 'reset', null],
    ['short', {}, 'reset', null],
    ['late', { firstByteMs: 60 }, 'timeout', 'first byte'],
    ['stall', { idleMs: 60 }, 'timeout', 'next byte'],
    ['nonsense', {}, 'protocol', null],
  ];
  const { client } = await serve((socket, text) => {
    const what = text.slice(text.indexOf('\r\n\r\n') + 4);
    if (what === 'reset') socket.resetAndDestroy();
    if (what === 'short') socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc');
    if (what === 'stall') socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc');
    if (what === 'nonsense') socket.write('<html>\r\n\r\n');
  });
  for (const [what, more, kind, waitedFor] of cases) {
    const { error } = await ask(client, what, more);
    assert.deepEqual([error?.kind, error?.waitedFor], [kind, waitedFor], what);
  }
  assert.deepEqual(client.stats(), { active: 0, idle: 0 });
  const nobody = createWireClient(createDial({ protocol: 'http:', hostname: '127.0.0.1', port: 1 }));
  open.push(nobody);
  assert.equal((await ask(nobody)).error?.kind, 'connect');
});

test('FR-006l: an aborted request ends its connection at once and tells nothing more', async () => {
  const closed = Promise.withResolvers<void>();
  const { client } = await serve((socket) => {
    socket.once('close', () => closed.resolve());
    socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
  });
  const told = ask(client, 'x', {}, (call) => setTimeout(() => call.abort(), 20));
  await closed.promise;
  assert.equal(await Promise.race([told, sleep(50, 'nothing')]), 'nothing');
});

test('FR-006l: pausing holds the other side back, and waiting for a slow reader is not its delay', async () => {
  let sent = 0;
  const piece = 'x'.repeat(64 * 1024);
  const { client } = await serve((socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 33554432\r\n\r\n');
    const more = (): void => {
      while (sent < 512) {
        sent += 1;
        if (!socket.write(piece)) return void socket.once('drain', more);
      }
    };
    more();
  });
  let held = 0;
  const told = await ask(client, 'x', { idleMs: 100 }, (call) => {
    setTimeout(() => call.pause(), 1);
    setTimeout(() => {
      held = sent;
      call.resume();
    }, 400);
  });
  assert.equal(told.error, null);
  assert.equal(told.body.length, 33_554_432);
  assert.ok(held < 512, `all ${held} pieces were sent to a reader that was paused`);
});

test('FR-006l: small pieces arrive as they are sent: Nagle is off', async () => {
  const { client } = await serve((socket) => {
    socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
    let left = 20;
    const timer = setInterval(() => {
      // two small writes in a row are what Nagle and delayed acknowledgements hold for 40 ms
      socket.write('5\r\nda');
      socket.write('ta:\r\n');
      if ((left -= 1) > 0) return;
      clearInterval(timer);
      socket.write('0\r\n\r\n');
    }, 5);
  });
  const { at } = await ask(client);
  const gaps = at.slice(1).map((time, index) => time - at[index]!);
  const late = gaps.filter((gap) => gap > 38).length;
  assert.ok(late < gaps.length / 2, `${late} of ${gaps.length} pieces came 40 ms late`);
});
