import type { Socket } from 'node:net';
import { getSystemErrorName } from 'node:util';

/** Writes to one connection, in the order of the calls and of the socket's own writes. */
export interface Writer {
  /** False: more than its share waits; `drained` is called once it has left. */
  write(bytes: Buffer): boolean;
  /** As one: a head (Latin-1) and the parts that follow it, of `size` bytes together. They may be used again at once, other than what `write` is given. */
  writeTogether(head: string, parts: readonly Buffer[], size: number): boolean;
  /** Something has not left yet. */
  waiting(): boolean;
}

/** What Node keeps of a write that the system does not take at once. */
interface WriteRequest {
  oncomplete(status: number): void;
  /** kept until it has left */
  bytes: Buffer | null;
}

/** Node's side of a TCP connection. Nothing of it is documented. */
interface Handle {
  writeBuffer(request: WriteRequest, bytes: Buffer): number;
  /** bytes that the system has not taken */
  readonly writeQueueSize: number;
}

/** undefined: not known yet; null: this Node has none, and writes are the socket's */
let NodeRequest: (new () => WriteRequest) | null | undefined;
/** Is written with as long as the system takes all at once: then nothing is kept of it. */
let spare: WriteRequest;

/** What is written together is put together here, so that no request leaves a buffer behind; made anew when the system did not take all of it at once. */
let table = Buffer.allocUnsafeSlow(8 * 1024);

/**
 * A write through a socket's stream leaves 1 KB behind. Here it goes to the system at once, and the stream only sees it when that
 * takes a part only, or refuses. By properties of Node's that are not documented: where they are not there, and for TLS, writes are the socket's own.
 */
export function createWriter(socket: Socket, drained: () => void = () => {}): Writer {
  /** undefined: not connected yet; null: writes are the socket's */
  let handle: Handle | null | undefined;
  /** writes that the system has not taken whole */
  let held = 0;

  function later(bytes: Buffer): void {
    const request = spare;
    spare = new NodeRequest!();
    held += 1;
    request.bytes = bytes;
    request.oncomplete = (status) => {
      held -= 1;
      request.bytes = null;
      if (status < 0) socket.destroy(failure(status));
      else if (held === 0) drained();
    };
  }

  function write(bytes: Buffer): boolean {
    if (handle === undefined) handle = handleOf(socket);
    if (handle === null || handle === undefined || socket.writableLength > 0 || !socket.writable)
      return socket.write(bytes);
    if (NodeRequest === undefined) return sniffed(socket, handle, bytes);
    // what is refused is refused again, and then told as Node tells it
    if (handle.writeBuffer(spare, bytes) !== 0) return socket.write(bytes);
    const waits = handle.writeQueueSize;
    if (waits === 0) return true;
    later(bytes);
    return waits < socket.writableHighWaterMark;
  }

  const waiting = (): boolean => held > 0 || socket.writableLength > 0;

  return {
    write,
    writeTogether(head, parts, size) {
      const length = head.length + size;
      if (!handle || length > table.length || waiting()) return write(joined(Buffer.allocUnsafe(length), head, parts));
      const taken = write(joined(table, head, parts).subarray(0, length));
      if (waiting()) table = Buffer.allocUnsafeSlow(table.length);
      return taken;
    },
    waiting,
  };
}

function joined(into: Buffer, head: string, parts: readonly Buffer[]): Buffer {
  let at = head === '' ? 0 : into.write(head, 0, 'latin1');
  for (const part of parts) {
    into.set(part, at);
    at += part.length;
  }
  return into;
}

/** Undefined: not yet. */
function handleOf(socket: Socket): Handle | null | undefined {
  if (NodeRequest === null) return null;
  if (socket.connecting) return undefined;
  const { _handle: found } = socket as unknown as { _handle?: Partial<Handle> | null };
  const known =
    found?.constructor.name === 'TCP' &&
    typeof found.writeBuffer === 'function' &&
    typeof found.writeQueueSize === 'number';
  return known ? (found as Handle) : null;
}

/** The first write of all is the socket's, and shows what Node writes with. */
function sniffed(socket: Socket, handle: Handle, bytes: Buffer): boolean {
  const own = handle.writeBuffer;
  NodeRequest = null;
  handle.writeBuffer = (request, what) => {
    NodeRequest = request.constructor as new () => WriteRequest;
    return own.call(handle, request, what);
  };
  const taken = socket.write(bytes);
  delete (handle as Partial<Handle>).writeBuffer;
  if (NodeRequest !== null) spare = new (NodeRequest as new () => WriteRequest)();
  return taken;
}

const failure = (status: number): Error => {
  const code = getSystemErrorName(status);
  return Object.assign(new Error(`write ${code}`), { code, errno: status, syscall: 'write' });
};
