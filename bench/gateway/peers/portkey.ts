import path from 'node:path';
import { freePort, startProgram } from '../processes.ts';
import { provisionPackage } from '../provision.ts';
import type { Peer, PeerDeps } from './peer.ts';

const version = '1.15.2';
// the newest with which it streams: from 1.14.2 on it fails at headers that it may not change
const overrides = { '@hono/node-server': '1.14.1' };

/** Portkey's gateway on Node, told by its headers to forward to the mock as to OpenAI. */
export async function startPortkey({ upstream, signal }: PeerDeps): Promise<Peer> {
  const folder = await provisionPackage('@portkey-ai/gateway', version, overrides);
  const port = await freePort();
  const program = await startProgram({
    name: 'portkey',
    command: process.execPath,
    args: [
      `--import=${path.join(import.meta.dirname, 'loopback.ts')}`,
      path.join(folder, 'build/start-server.js'),
      '--headless',
      `--port=${port}`,
    ],
    environment: { NODE_ENV: 'production' },
    signal,
    ready: `http://127.0.0.1:${port}/`,
  });
  return {
    name: 'portkey',
    version: `@portkey-ai/gateway ${version} (@hono/node-server ${overrides['@hono/node-server']})`,
    url: `http://127.0.0.1:${port}`,
    headers: {
      authorization: 'Bearer sk-bench',
      'x-portkey-provider': 'openai',
      'x-portkey-custom-host': `${upstream}/v1`,
    },
    model: 'mock',
    pid: program.pid,
    share: 1 / 4,
    stop: program.stop,
  };
}
