import { connect as connectTcp, type LookupFunction, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Dial } from './client.ts';

export interface Origin {
  protocol: 'http:' | 'https:';
  /** without brackets */
  hostname: string;
  port: number;
}

/** all connections read into this one, a turn after another: bytes are handed on or copied before the next read */
const shared = Buffer.allocUnsafeSlow(64 * 1024);

/** Connections of TCP or TLS to one origin, Nagle off. `lookup` resolves (and may refuse) the host name. */
export function createDial(origin: Origin, lookup?: LookupFunction): Dial {
  const { hostname: host, port } = origin;
  const rest = lookup === undefined ? {} : { lookup };
  return ({ onConnect, onRead, onClose }) => {
    let failure: Error | null = null;
    const heard = (socket: Socket, ready: 'connect' | 'secureConnect'): Socket => {
      socket.once(ready, onConnect);
      socket.on('error', (error) => (failure = error));
      // the other side said that it sends no more
      socket.once('end', () => onClose(null));
      socket.once('close', () => onClose(failure));
      return socket;
    };
    if (origin.protocol === 'https:') {
      const socket = connectTls({ host, port, ALPNProtocols: ['http/1.1'], servername: nameOf(host), ...rest });
      socket.setNoDelay(true);
      socket.on('data', onRead);
      return heard(socket, 'secureConnect');
    }
    return heard(
      connectTcp({
        host,
        port,
        noDelay: true,
        keepAlive: true,
        autoSelectFamily: true,
        ...rest,
        onread: {
          buffer: shared,
          callback(size, bytes) {
            onRead((bytes as Buffer).subarray(0, size));
            return true;
          },
        },
      }),
      'connect',
    );
  };
}

/** An address has no name to be asked for by (RFC 6066). */
const nameOf = (host: string): string => (/^[\d.]+$|:/.test(host) ? '' : host);
