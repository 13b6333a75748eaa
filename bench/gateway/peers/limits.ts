import { createRequire } from 'node:module';
import path from 'node:path';
import { startProgram } from '../processes.ts';
import type { Peer, PeerDeps } from './peer.ts';

const require = createRequire(import.meta.url);
const versionOf = (name: string): string => (require(`${name}/package.json`) as { version: string }).version;

/** The limits: a Node program that does the least a gateway has to. */
export const startPlain = (deps: PeerDeps): Promise<Peer> =>
  startLimit(deps, 'plain', `Node ${process.versions.node}, undici ${versionOf('undici')}`);
export const startFastify = (deps: PeerDeps): Promise<Peer> =>
  startLimit(deps, 'fastify', `Fastify ${versionOf('fastify')}`);

async function startLimit({ upstream, signal }: PeerDeps, name: string, version: string): Promise<Peer> {
  const program = await startProgram({
    name,
    command: process.execPath,
    args: [path.join(import.meta.dirname, '../limit', `${name}.ts`)],
    environment: { UPSTREAM: upstream, PORT: '0' },
    signal,
    ready: /^ready at (\S+)/,
  });
  return {
    name,
    version,
    url: program.said,
    headers: { authorization: 'Bearer sk-bench' },
    model: 'mock',
    pid: program.pid,
    share: 1,
    stop: program.stop,
  };
}
