import { Socket } from 'node:net';

/** all connections read into this one, a turn after another */
const shared = Buffer.allocUnsafeSlow(64 * 1024);

/** Where `onread`, which only connections that are made here can be given, puts what it is given. */
const [bufferKey, callbackKey] = ((): (symbol | undefined)[] => {
  const probe = new Socket({ onread: { buffer: shared, callback: () => true } });
  const symbols = Object.getOwnPropertySymbols(probe);
  const holding = (wanted: (value: unknown) => boolean): symbol | undefined =>
    symbols.find((symbol) => wanted((probe as unknown as Record<symbol, unknown>)[symbol]));
  return [holding((value) => value === shared), holding((value) => typeof value === 'function')];
})();

/**
 * Calls back with what comes, in bytes that are only valid during the call: an accepted connection otherwise takes 64 KiB for each read, which
 * memory shows. By properties of Node's that are not documented; where they are not there, by its events.
 * @returns what ends it: further bytes are the socket's own again
 */
export function readFrom(socket: Socket, onRead: (bytes: Buffer) => void): () => void {
  const handle = (socket as unknown as { _handle?: { useUserBuffer?(buffer: Buffer): void } })._handle;
  if (bufferKey === undefined || callbackKey === undefined || typeof handle?.useUserBuffer !== 'function') {
    socket.on('data', onRead);
    return () => void socket.off('data', onRead);
  }
  let ours = true;
  const inner = socket as unknown as Record<symbol, unknown>;
  inner[bufferKey] = shared;
  inner[callbackKey] = (size: number): boolean => {
    const bytes = shared.subarray(0, size);
    if (ours) onRead(bytes);
    else socket.push(Buffer.from(bytes));
    return true;
  };
  handle.useUserBuffer(shared);
  socket.resume();
  return () => void (ours = false);
}
