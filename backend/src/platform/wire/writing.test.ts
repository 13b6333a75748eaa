import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, test } from 'node:test';
import { createWriter } from './writing.ts';

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

/** Both ends of a connection: by TCP, or by a socket of the file system, whose writes are Node's own. */
async function pair(kind: 'tcp' | 'pipe'): Promise<{ near: Socket; far: Socket }> {
  const server = createServer();
  const folder = mkdtempSync(path.join(tmpdir(), 'llm-ops-wire-'));
  if (kind === 'tcp') server.listen(0, '127.0.0.1');
  else server.listen(path.join(folder, 'socket'));
  await once(server, 'listening');
  const near =
    kind === 'tcp' ? connect((server.address() as AddressInfo).port, '127.0.0.1') : connect(`${folder}/socket`);
  const [far] = (await once(server, 'connection')) as [Socket];
  if (near.connecting) await once(near, 'connect');
  open.push(() => {
    for (const one of [near, far]) one.destroy();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return { near, far };
}

/** Whether with an error. */
const closing = (socket: Socket): Promise<boolean> => new Promise((resolve) => void socket.once('close', resolve));

for (const kind of ['tcp', 'pipe'] as const)
  test(`FR-006l: bytes arrive in the order of the writes, by ${kind}, whoever writes them and however slowly they are read`, async () => {
    const { near, far } = await pair(kind);
    let drained = 0;
    const writer = createWriter(near, () => (drained += 1));
    near.on('drain', () => (drained += 1));
    let sent = '';
    let refused = 0;
    for (let number = 0; number < 600; number += 1) {
      const text = `${number}:${String.fromCharCode(97 + (number % 26)).repeat((number * 7_919) % 40_000)}\u00e9;`;
      sent += text;
      if (number % 7 === 3) near.write(text, 'latin1');
      else if (number % 2 === 1) refused += writer.write(Buffer.from(text, 'latin1')) ? 0 : 1;
      else {
        const [head, rest] = [text.slice(0, 20), Buffer.from(text.slice(20), 'latin1')];
        const parts = [rest.subarray(0, 7), rest.subarray(7)];
        refused += writer.writeTogether(head, parts, rest.length) ? 0 : 1;
        // whose they are may use them again
        rest.fill(0);
      }
    }
    assert.ok(refused > 0, 'the other side reads nothing');
    assert.equal(writer.waiting(), true);
    const parts: Buffer[] = [];
    far.on('data', (part: Buffer) => parts.push(part));
    while (Buffer.concat(parts).length < sent.length) await once(far, 'data');
    assert.equal(Buffer.concat(parts).toString('latin1'), sent);
    while (writer.waiting()) await new Promise(setImmediate);
    assert.ok(drained > 0);
    assert.equal(writer.writeTogether('more', [], 0), true);
    near.end();
    const [last] = (await once(far, 'data')) as [Buffer];
    assert.equal(String(last), 'more');
    await once(far, 'end');
  });

test('FR-006l, REL: a connection that the other side breaks off ends with an error, while something waits and at the next write', async () => {
  const first = await pair('tcp');
  const waiting = createWriter(first.near);
  const failed = closing(first.near);
  first.near.on('error', () => {});
  for (let number = 0; number < 600 && waiting.write(Buffer.alloc(40_000)); number += 1);
  assert.equal(waiting.waiting(), true);
  first.far.resetAndDestroy();
  assert.equal(await failed, true);

  const second = await pair('tcp');
  const writer = createWriter(second.near);
  assert.equal(writer.write(Buffer.from('a')), true);
  const errors: string[] = [];
  second.near.on('error', (error: NodeJS.ErrnoException) => errors.push(error.code!));
  const closed = closing(second.near);
  second.far.resetAndDestroy();
  // the reset may arrive before or after a write
  while (!second.near.destroyed) {
    writer.write(Buffer.from('b'));
    await new Promise(setImmediate);
  }
  await closed;
  assert.match(errors.join(), /^(ECONNRESET|EPIPE)$/);
  assert.equal(writer.write(Buffer.from('after it')), false);
});
