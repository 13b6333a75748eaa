import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

/** A program that was started here and is ended here, by its own id. */
export interface Program {
  pid: number;
  /** what its line said that told it was ready, or '' */
  said: string;
  stop(): Promise<void>;
}

interface ProgramOptions {
  name: string;
  command: string;
  args: string[];
  environment?: Record<string, string>;
  cwd?: string;
  /** A line of its output with one group, or an address that answers. */
  ready: RegExp | string;
  /** seconds */
  patience?: number;
  signal: AbortSignal;
}

/** Starts a program and waits until it is ready; ends it and throws with its last lines when it is not. */
export async function startProgram(options: ProgramOptions): Promise<Program> {
  const { name, command, args, environment = {}, cwd, ready, patience = 60, signal } = options;
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...environment },
    // standard input stays open: our own programs end when it does
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  const keep = (line: string): void => {
    lines.push(line);
    if (lines.length > 200) lines.shift();
  };
  createInterface({ input: child.stdout }).on('line', keep);
  createInterface({ input: child.stderr }).on('line', keep);
  let failed: Error | null = null;
  child.on('error', (error) => (failed = error));
  for (const deadline = Date.now() + patience * 1000; Date.now() < deadline; await sleep(50)) {
    if (signal.aborted || failed !== null || child.exitCode !== null || child.signalCode !== null) break;
    const said = await readiness(ready, lines);
    if (said !== null) return { pid: child.pid!, said, stop: () => end(child) };
  }
  await end(child);
  signal.throwIfAborted();
  throw new Error(`${name} is not ready: ${failed ?? ''}\n${lines.slice(-20).join('\n')}`);
}

async function readiness(ready: RegExp | string, lines: string[]): Promise<string | null> {
  if (typeof ready === 'string') {
    const answered = await fetch(ready, { signal: AbortSignal.timeout(2000) }).catch(() => null);
    await answered?.body?.cancel();
    return answered === null ? null : '';
  }
  for (const line of lines) {
    const found = ready.exec(line)?.[1];
    if (found !== undefined) return found;
  }
  return null;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const patience = setTimeout(() => child.kill('SIGKILL'), 5000);
  await ended;
  clearTimeout(patience);
}

export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** What has to be undone at the end, last first. */
export interface Cleanup {
  add(undo: () => Promise<unknown> | unknown): void;
  run(): Promise<void>;
}

export function createCleanup(): Cleanup {
  const steps: (() => Promise<unknown> | unknown)[] = [];
  return {
    add: (undo) => void steps.push(undo),
    async run() {
      for (let undo = steps.pop(); undo !== undefined; undo = steps.pop()) {
        try {
          await undo();
        } catch (error) {
          console.error(error instanceof Error ? error.message : error);
        }
      }
    },
  };
}

/** Aborted by Ctrl-C or SIGTERM, so that what was started is ended; a second one ends this process at once. */
export function createInterrupt(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => controller.abort(new Error(`Interrupted by ${name}.`)));
  }
  return controller.signal;
}
