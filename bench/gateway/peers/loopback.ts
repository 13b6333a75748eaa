/** Preloaded into a server that would listen on every address of the machine: a bench stays on loopback. */
import { Server } from 'node:net';

const listen = Server.prototype.listen;
Server.prototype.listen = function (this: Server, port: unknown, ...others: unknown[]): Server {
  const done = others.find((each) => typeof each === 'function') as (() => void) | undefined;
  return listen.call(this, { port: Number(port), host: '127.0.0.1' }, done);
} as typeof listen;
