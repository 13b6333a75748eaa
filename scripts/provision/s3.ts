import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

const version = 'v1.8.0';
const module = `github.com/versity/versitygw/cmd/versitygw@${version}`;

export interface S3Server {
  /** `http://127.0.0.1:{port}` */
  endpoint: string;
  accessKey: string;
  secretKey: string;
  createBucket(name: string): Promise<void>;
  /** Ends the server; `start` brings it back on the same port with what it had. */
  halt(): Promise<void>;
  start(): Promise<void>;
  /** Ends the server and removes its folder. */
  stop(): Promise<void>;
}

/**
 * A real S3 server (versitygw on a temporary folder) on a random loopback port, for tests. It is built with Go once and kept outside
 * of the project; without Go it throws with the command to run.
 */
export async function provisionS3(): Promise<S3Server> {
  const program = install();
  const folder = await mkdtemp(join(tmpdir(), 'llm-ops-s3-'));
  const data = join(folder, 'data');
  const meta = join(folder, 'meta');
  await mkdir(data);
  await mkdir(meta);
  const port = await freePort();
  const accessKey = `test${randomBytes(8).toString('hex')}`;
  const secretKey = randomBytes(20).toString('hex');
  const endpoint = `http://127.0.0.1:${port}`;
  let server: ChildProcess | undefined;

  async function start(): Promise<void> {
    const child = spawn(program, ['--port', `127.0.0.1:${port}`, '--quiet', 'posix', '--sidecar', meta, data], {
      env: { ...process.env, ROOT_ACCESS_KEY: accessKey, ROOT_SECRET_KEY: secretKey },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    server = child;
    let log = '';
    child.stderr.on('data', (text) => (log += text));
    for (let tries = 0; tries < 200; tries++) {
      if (child.exitCode !== null) throw new Error(`versitygw ended with ${child.exitCode}: ${log}`);
      if (await fetch(endpoint).catch(() => null)) return;
      await wait(50);
    }
    child.kill('SIGKILL');
    throw new Error(`versitygw does not answer: ${log}`);
  }

  async function halt(): Promise<void> {
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    const ended = new Promise((resolve) => server?.once('exit', resolve));
    server.kill('SIGKILL');
    await ended;
  }

  await start();
  return {
    endpoint,
    accessKey,
    secretKey,
    // a bucket of the posix backend is a folder
    createBucket: async (name) => void (await mkdir(join(data, name))),
    halt,
    start,
    async stop() {
      await halt();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function install(): string {
  const bin = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'llm-ops', 'bin');
  const program = join(bin, 'versitygw');
  if (existsSync(program)) return program;
  const command = `GOBIN=${bin} CGO_ENABLED=0 go install ${module}`;
  console.log(`Installing the S3 server for tests, once, a minute or two: ${command}`);
  const made = spawnSync('go', ['install', module], {
    env: { ...process.env, GOBIN: bin, CGO_ENABLED: '0' },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (made.status !== 0) {
    throw new Error(`The tests of the S3 adapter need versitygw. Install Go (https://go.dev/dl), then run: ${command}`);
  }
  return program;
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
