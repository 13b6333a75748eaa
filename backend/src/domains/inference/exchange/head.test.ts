import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { writeHead } from './head.ts';

const server = createServer({ keepAliveTimeout: 65_000 });
before(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
after(() => server.close());

/** All that comes on one connection until it is closed, or `quiet` ms after the last byte. */
async function talk(listener: RequestListener, text: string, quiet = 150): Promise<{ told: string; open: boolean }> {
  server.removeAllListeners('request').on('request', listener);
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  let told = '';
  let open = true;
  socket.setEncoding('latin1').on('data', (piece: string) => (told += piece));
  socket.on('end', () => (open = false));
  socket.write(text);
  for (let before = -1; open && before !== told.length;) {
    before = told.length;
    await new Promise((resolve) => setTimeout(resolve, quiet));
  }
  socket.destroy();
  return { told, open };
}

const whole: RequestListener = (_request, response) => {
  writeHead(response, 'x-one: 1\r\ncontent-type: text/plain\r\n', 2);
  response.end('ok', 'latin1');
};

test('FR-006l: heads written by hand keep the connection for what comes next, pipelined or not', async () => {
  const ask = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n';
  const { told, open } = await talk(whole, ask + ask);
  const head =
    'HTTP/1.1 200 OK\r\nx-one: 1\r\ncontent-type: text/plain\r\ncontent-length: 2\r\ndate: DATE\r\nconnection: keep-alive\r\nkeep-alive: timeout=65\r\n\r\nok';
  assert.equal(told.replace(/date: [A-Z][^\r]* GMT/g, 'date: DATE'), head + head);
  assert.ok(open);
});

test('FR-006l: where the connection ends with the answer, or the client is of HTTP/1.0, Node says so', async () => {
  const closing = await talk(whole, 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
  assert.match(closing.told, /^HTTP\/1\.1 200 OK\r\nx-one: 1\r\n[^]*connection: close\r\n\r\nok$/i);
  assert.ok(!closing.open);
  const old = await talk(whole, 'GET / HTTP/1.0\r\nhost: a\r\n\r\n');
  assert.match(old.told, /content-length: 2\r\n[^]*ok$/i);
  assert.ok(!old.open);
});

test('FR-006l: chunks follow a head written by hand, and end as Node ends them', async () => {
  const { told, open } = await talk((_request, response) => {
    writeHead(response, 'x-one: 1\r\n', null);
    response.write('piece');
    response.end();
  }, 'GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  assert.match(told, /transfer-encoding: chunked\r\n[^]*\r\n\r\n5\r\npiece\r\n0\r\n\r\n$/);
  assert.ok(open);
});
