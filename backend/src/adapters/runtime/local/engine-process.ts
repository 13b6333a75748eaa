import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, open } from 'node:fs/promises';
import type { ClientRequest } from 'node:http';
import { availableParallelism, hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { request } from '#platform/node';
import type { EngineHealth, EngineMessage } from './engine/protocol.ts';
import { startTimeOf, type EngineRecord } from './records.ts';
import type { EngineShape } from './rules.ts';

export interface EngineExit {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** what the engine said about it, when it could */
  failure: Extract<EngineMessage, { type: 'failed' }> | null;
}

/** One engine, whether this process started it or found it running. */
export interface EngineProcess {
  readonly instance: string;
  readonly record: EngineRecord;
  /** resolves once it is gone */
  readonly exited: Promise<EngineExit>;
  /** null when it does not answer in time */
  health(timeoutMs: number): Promise<EngineHealth | null>;
  /** Asks it to end, then ends it. */
  end(): Promise<void>;
  /** Lets go of it without ending it; it then lives for its grace period. */
  release(): void;
}

interface Start {
  instance: string;
  revisionId: string;
  model: string;
  modelPath: string;
  shape: EngineShape;
  gpu: boolean;
  graceMs: number;
  logFolder: string;
  /** another program in place of the engine, for tests */
  command?: { command: string; args: string[] };
}

const mainFile = fileURLToPath(new URL('./engine/main.ts', import.meta.url));
const LISTEN_MS = 60_000;
const END_MS = 3_000;

/** Starts an engine and resolves when it listens (it may still be loading). Rejects with its exit when it ends before. */
export async function startEngine(start: Start): Promise<EngineProcess> {
  const { shape, instance } = start;
  const key = randomBytes(32).toString('base64url');
  await mkdir(start.logFolder, { recursive: true, mode: 0o700 });
  const logFile = await open(join(start.logFolder, 'engine.log'), 'a', 0o600);
  const { command, args } = start.command ?? { command: process.execPath, args: [mainFile] };
  const child = spawn(command, args, {
    // Its own session: Ctrl-C in the terminal goes to the platform, which drains before it ends its engines.
    detached: true,
    stdio: ['ignore', logFile.fd, logFile.fd, 'ipc'],
    env: {
      ...inheritedEnv(),
      ...shape.env,
      ENGINE_MODEL: start.modelPath,
      ENGINE_NAME: start.model,
      ENGINE_KEY: key,
      ENGINE_CONTEXT: String(shape.contextLength),
      ENGINE_PARALLEL: String(shape.parallel),
      // llama.cpp's threads spin while they wait for each other: with every core taken, anything else on the machine makes a token a
      // hundred times slower. One core stays free.
      ENGINE_THREADS: String(Math.max(1, Math.min(shape.threads, availableParallelism() - 1))),
      ENGINE_MEMORY_LIMIT: String(Math.round(shape.memoryLimit)),
      ENGINE_GPU: start.gpu ? '1' : '0',
      ENGINE_GRACE_MS: String(start.graceMs),
    },
  });
  await logFile.close();

  let failure: EngineExit['failure'] = null;
  const exited = new Promise<EngineExit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal, failure }));
    child.once('error', (error) => {
      if (child.pid === undefined)
        resolve({ code: null, signal: null, failure: { type: 'failed', code: 'load_failed', message: error.message } });
    });
  });
  const listening = new Promise<number>((resolve) => {
    child.on('message', (message: EngineMessage) => {
      if (message.type === 'listening') resolve(message.port);
      else failure = message;
    });
  });
  const port = await Promise.race([listening, exited, delay(LISTEN_MS, undefined, { ref: false })]);
  if (typeof port !== 'number') {
    child.kill('SIGKILL');
    throw new EngineStartError(await exited);
  }
  const pid = child.pid!;
  const record: EngineRecord = {
    node: hostname(),
    pid,
    startTime: (await startTimeOf(pid)) ?? '',
    port,
    key,
    revisionId: start.revisionId,
    digest: shape.digest,
    model: start.model,
  };
  return {
    ...handle(instance, record, exited),
    release() {
      if (child.connected) child.disconnect();
      child.unref();
    },
  };
}

export class EngineStartError extends Error {
  readonly exit: EngineExit;

  constructor(exit: EngineExit) {
    super('the engine ended before it listened');
    this.exit = exit;
  }
}

/**
 * Enters an engine that an earlier platform left running. Null when it is not there any more or not ours; a process that is ours but
 * does not answer is ended.
 */
export async function adoptEngine(instance: string, record: EngineRecord): Promise<EngineProcess | null> {
  if (record.node !== hostname()) return null;
  if (record.startTime === '' || (await startTimeOf(record.pid)) !== record.startTime) return null;
  const lease = await openLease(record);
  if (lease === null) {
    kill(record.pid, 'SIGKILL');
    return null;
  }
  let released = false;
  const exited = new Promise<EngineExit>((resolve) => {
    lease.once('close', () => {
      if (released) return;
      void gone(record).then(() => resolve({ code: null, signal: null, failure: null }));
    });
  });
  return {
    ...handle(instance, record, exited),
    release() {
      released = true;
      lease.destroy();
    },
  };
}

function handle(instance: string, record: EngineRecord, exited: Promise<EngineExit>): Omit<EngineProcess, 'release'> {
  return {
    instance,
    record,
    exited,
    health: (timeoutMs) => readHealth(record, timeoutMs),
    async end() {
      if ((await startTimeOf(record.pid)) !== record.startTime) return void (await exited);
      kill(record.pid, 'SIGTERM');
      const ended = await Promise.race([exited, delay(END_MS, undefined, { ref: false })]);
      if (ended === undefined && (await startTimeOf(record.pid)) === record.startTime) kill(record.pid, 'SIGKILL');
      await exited;
    },
  };
}

function readHealth(record: EngineRecord, timeoutMs: number): Promise<EngineHealth | null> {
  return new Promise((resolve) => {
    const call = get(record, '/health');
    const timer = setTimeout(() => call.destroy(new Error('no answer')), timeoutMs);
    const settle = (value: EngineHealth | null): void => {
      clearTimeout(timer);
      resolve(value);
    };
    call.once('error', () => settle(null));
    call.once('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.once('error', () => settle(null));
      response.once('end', () => {
        if (response.statusCode !== 200 && response.statusCode !== 503) return settle(null);
        try {
          settle(JSON.parse(text) as EngineHealth);
        } catch {
          settle(null);
        }
      });
    });
  });
}

/** Resolves with the held request, or null when the engine does not answer to its key. */
function openLease(record: EngineRecord): Promise<ClientRequest | null> {
  return new Promise((resolve) => {
    const call = get(record, '/control/lease');
    const timer = setTimeout(() => call.destroy(new Error('no answer')), 5_000);
    call.on('error', () => resolve(null));
    call.once('close', () => clearTimeout(timer));
    call.once('response', (response) => {
      clearTimeout(timer);
      response.on('error', () => call.destroy());
      response.once('close', () => call.destroy());
      response.resume();
      if (response.statusCode === 200) return resolve(call);
      call.destroy();
      resolve(null);
    });
  });
}

function get({ port, key }: EngineRecord, path: string): ClientRequest {
  return request({ host: '127.0.0.1', port, path, agent: false, headers: { authorization: `Bearer ${key}` } }).end();
}

/** Waits until the process is gone; one that closed its lease without ending is ended. */
async function gone(record: EngineRecord): Promise<void> {
  for (let waited = 0; (await startTimeOf(record.pid)) === record.startTime; waited += 50) {
    if (waited >= END_MS) kill(record.pid, 'SIGKILL');
    await delay(50);
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It is gone already, which is what was wanted.
  }
}

/** What a program needs to run at all; none of the platform's own settings and secrets. */
function inheritedEnv(): NodeJS.ProcessEnv {
  const names = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR', 'LD_LIBRARY_PATH', 'CUDA_VISIBLE_DEVICES'];
  return Object.fromEntries(
    names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
}
