import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { arch, platform } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { provisionPython } from '../../scripts/provision/python.ts';
import { provisionPackage } from '../gateway/provision.ts';
import type { OursAnswer } from './ours.ts';
import { patterns } from './patterns.ts';

/** What one pass over a text took. */
export interface Pass {
  /** CPU, user and system */
  seconds: number;
  bytes: number;
  found: number;
}

/** Megabytes for each CPU second. */
export const speedOf = ({ bytes, seconds }: Pass): number => bytes / 1e6 / seconds;

export interface Ours {
  measure(file: string): Promise<OursAnswer>;
  stop(): void;
}

export function startOurs(): Ours {
  const child = fork(path.join(import.meta.dirname, 'ours.ts'));
  return {
    async measure(file) {
      child.send(file);
      const [answer] = (await once(child, 'message')) as [OursAnswer];
      return answer;
    },
    stop: () => void child.kill(),
  };
}

const RIPGREP = '1.18.0';

/** @returns the program; its package's version is of the wrapper, `version` that of the program itself */
export async function provisionRipgrep(): Promise<{ program: string; version: string }> {
  const wrapper = await provisionPackage('@vscode/ripgrep', RIPGREP);
  const program = path.join(`${wrapper}-${platform()}-${arch()}`, 'bin', 'rg');
  return { program, version: (await output(program, ['--version'])).out.split('\n')[0]! };
}

/** `rg --count-matches --no-unicode` with all patterns at once; bash tells its CPU time. */
export async function measureRipgrep(program: string, file: string, bytes: number): Promise<Pass> {
  const args = ['--count-matches', '--no-unicode', '--threads', '1', ...patterns.flatMap((each) => ['-e', each]), file];
  const { out, err } = await output('bash', ['-c', `TIMEFORMAT='%U %S'; time "$@"`, 'bash', program, ...args]);
  const times = /([\d.]+) ([\d.]+)\s*$/.exec(err);
  if (times === null) throw new Error(`ripgrep did not run: ${err}`);
  return { seconds: Number(times[1]) + Number(times[2]), bytes, found: Number(out) };
}

export interface Presidio {
  measure(file: string, bytes: number): Promise<Pass>;
  stop(): void;
}

/** Presidio's own recognisers in Python. */
export async function startPresidio(): Promise<Presidio> {
  const python = await provisionPython(path.join(import.meta.dirname, 'requirements-presidio.txt'));
  const child = spawn(python, [path.join(import.meta.dirname, 'presidio.py')], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async measure(file, bytes) {
      child.stdin.write(`${JSON.stringify({ file, bytes })}\n`);
      const { value, done } = await lines.next();
      if (done === true) throw new Error('Presidio ended. See what it said above.');
      return JSON.parse(value) as Pass;
    },
    stop: () => void child.kill(),
  };
}

async function output(program: string, args: readonly string[]): Promise<{ out: string; err: string }> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const read = async (stream: AsyncIterable<Buffer>): Promise<string> => {
    const pieces: Buffer[] = [];
    for await (const piece of stream) pieces.push(piece);
    return Buffer.concat(pieces).toString();
  };
  const [out, err] = await Promise.all([read(child.stdout), read(child.stderr)]);
  return { out, err };
}
