import { spawn } from 'node:child_process';

interface Options {
  env: NodeJS.ProcessEnv;
  signal?: AbortSignal;
}

export interface Outcome {
  /** null when a signal ended it */
  code: number | null;
  stdout: string;
  stderr: string;
}

const KEPT = 64 * 1024;

/** Runs a program to its end, keeping the last 64 KB of what it says. Rejects when it cannot be started or is aborted. */
export function run(command: string, args: string[], { env, signal }: Options): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, signal, killSignal: 'SIGKILL', stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout = (stdout + text).slice(-KEPT)));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-KEPT)));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}
