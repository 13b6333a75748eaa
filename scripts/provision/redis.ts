import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

export interface RedisServer {
  /** `redis://:{password}@127.0.0.1:{port}/0` */
  url: string;
  /** What the server answers to one command, as it goes over the wire: `+PONG`. */
  ask(...words: string[]): Promise<string>;
  /** Kills the server as a crash would, with all it had; `start` brings it back on the same port. */
  halt(): Promise<void>;
  start(): Promise<void>;
  /** It takes connections and answers nothing, until it is thawed. */
  freeze(): void;
  thaw(): void;
  /** Ends the server and removes its folder. */
  stop(): Promise<void>;
}

const places = ['/usr/bin/redis-server', '/usr/local/bin/redis-server', '/opt/homebrew/bin/redis-server'];

/**
 * A real Redis of the system's package on a random loopback port with a temporary folder, for tests. When the package is missing it is
 * installed as root by apt-get; otherwise it throws with the command to run.
 */
export async function provisionRedis(): Promise<RedisServer> {
  const program = binary() ?? install();
  const folder = await mkdtemp(join(tmpdir(), 'llm-ops-redis-'));
  const password = randomBytes(16).toString('hex');
  const port = await freePort();
  const settings = join(folder, 'redis.conf');
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${folder}`,
    `requirepass ${password}`,
    'save ""',
    'appendonly no',
    'daemonize no',
  ];
  await writeFile(settings, `${lines.join('\n')}\n`, { mode: 0o600 });
  let server: ChildProcess | undefined;

  const ask = (...words: string[]): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', timeout: 2_000 });
      const commands = [['AUTH', password], words, ['QUIT']];
      let answer = '';
      socket.setEncoding('utf8');
      socket.on('data', (text: string) => (answer += text));
      socket.on('timeout', () => socket.destroy(new Error('Redis does not answer within 2 s')));
      socket.on('error', reject);
      // the answers to AUTH and QUIT are OK
      socket.on('end', () => resolve(answer.replace(/^\+OK\r\n/, '').replace(/\r\n\+OK\r\n$/, '')));
      socket.write(commands.map(commandOf).join(''));
    });

  async function start(): Promise<void> {
    const child = spawn(program, [settings], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    server = child;
    let log = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (text) => (log = `${log}${text}`.slice(-4000)));
    for (let tries = 0; tries < 200; tries++) {
      if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}: ${log}`);
      if ((await ask('PING').catch(() => '')) === '+PONG') return;
      await wait(25);
    }
    child.kill('SIGKILL');
    throw new Error(`redis-server does not answer: ${log}`);
  }

  async function halt(): Promise<void> {
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    const ended = new Promise((resolve) => server?.once('exit', resolve));
    server.kill('SIGKILL');
    await ended;
  }

  await start();
  return {
    url: `redis://:${password}@127.0.0.1:${port}/0`,
    ask,
    halt,
    start,
    freeze: () => void server?.kill('SIGSTOP'),
    thaw: () => void server?.kill('SIGCONT'),
    async stop() {
      await halt();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const commandOf = (words: string[]): string =>
  [`*${words.length}`, ...words.flatMap((word) => [`$${Buffer.byteLength(word)}`, word]), ''].join('\r\n');

const binary = (): string | undefined => places.find((place) => existsSync(place));

function install(): string {
  const command = 'apt-get install -y redis-server';
  if (process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    console.log(`Installing Redis for the tests of the cache: ${command}`);
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const options = { env, stdio: ['ignore', 'ignore', 'inherit'] as ('ignore' | 'inherit')[] };
    const run = () =>
      spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'redis-server'], options);
    if (run().status !== 0) {
      spawnSync('apt-get', ['update', '-qq'], options);
      run();
    }
    const found = binary();
    if (found !== undefined) return found;
  }
  throw new Error(`The tests of the cache need Redis 5 or newer. Run: sudo ${command}`);
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
