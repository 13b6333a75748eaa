import { createHash, randomUUID } from 'node:crypto';
import { access, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { PreflightCheck } from '#ports/runtime';
import { asProblem, Problem } from './problem.ts';
import { run, type Outcome } from './run.ts';
import { words } from './sentences.ts';

interface Deps {
  /** the folder of `llmops_trainer` and `requirements-convert.txt` */
  root: string;
  /** environments are made below `${dataDir}/python` */
  dataDir: string;
  /** an interpreter that already has the requirements; nothing is installed then */
  interpreter?: string | null;
  log: Logger;
}

export interface Python {
  /** Whether there is what it takes; installs nothing. */
  check(): Promise<{ ok: boolean } & Pick<PreflightCheck, 'message' | 'remedy' | 'said'>>;
  /** Runs `python …args` with the trainer's modules, making the environment on first use. Throws `PythonMissing`, `PythonSetupFailed`. */
  run(args: string[], options?: { signal?: AbortSignal }): Promise<Outcome>;
}

/** The environment that converts models: made once for each set of requirements, by uv where it is installed, else by venv and pip. */
export function createPython({ root, dataDir, interpreter = null, log }: Deps): Python {
  let making: Promise<string> | undefined;

  /** Throws `PythonMissing`. */
  async function find(): Promise<{ kind: 'given' | 'uv' | 'python'; command: string }> {
    if (interpreter !== null && interpreter !== '') {
      const script = "import importlib.util as u, sys; sys.exit(not (u.find_spec('numpy') and u.find_spec('gguf')))";
      if (await answers(interpreter, ['-c', script])) return { kind: 'given', command: interpreter };
      throw new Problem('PythonMissing', words.tell('python_lacks', { interpreter }));
    }
    if (await answers('uv', ['--version'])) return { kind: 'uv', command: 'uv' };
    for (const command of ['python3', 'python']) {
      const script = 'import sys, venv; sys.exit(sys.version_info < (3, 11))';
      if (await answers(command, ['-c', script])) return { kind: 'python', command };
    }
    throw new Problem('PythonMissing', words.tell('python_missing'));
  }

  async function make(): Promise<string> {
    if (interpreter !== null && interpreter !== '') return (await find()).command;
    const requirements = join(root, 'requirements-convert.txt');
    const hash = createHash('sha256')
      .update(await readFile(requirements))
      .digest('hex')
      .slice(0, 16);
    const folder = join(dataDir, 'python', hash);
    const python = join(folder, 'bin', 'python');
    if (await exists(python)) return python;
    const found = await find();
    // Made beside its place and renamed, so that an interrupted installation is never taken for a whole one.
    const temporary = `${folder}.${randomUUID().slice(0, 8)}`;
    const fresh = join(temporary, 'bin', 'python');
    await mkdir(join(dataDir, 'python'), { recursive: true });
    log.info({ folder }, 'installing the Python environment that converts models');
    try {
      if (found.kind === 'uv') {
        await must('uv', ['venv', '--quiet', '--python', '>=3.11', temporary]);
        await must('uv', ['pip', 'install', '--quiet', '--python', fresh, '-r', requirements]);
      } else {
        await must(found.command, ['-m', 'venv', temporary]);
        await must(fresh, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements]);
      }
      await rename(temporary, folder).catch(async (error: unknown) => {
        if (!(await exists(python))) throw error;
      });
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
    return python;
  }

  return {
    async check() {
      try {
        return { ok: true, remedy: null, ...words.tell('python', { command: (await find()).command }) };
      } catch (error) {
        const { message, remedy, said } = asProblem(error);
        return { ok: false, message, remedy, said };
      }
    },
    async run(args, { signal } = {}) {
      making ??= make();
      const python = await making.catch((error: unknown) => {
        making = undefined;
        throw error;
      });
      return run(python, args, {
        env: { ...cleanEnv(), PYTHONPATH: root, PYTHONNOUSERSITE: '1', OMP_NUM_THREADS: '1' },
        signal,
      });
    },
  };
}

async function must(command: string, args: string[]): Promise<void> {
  const { code, stderr, stdout } = await run(command, args, { env: cleanEnv() });
  if (code === 0) return;
  const said = (stderr || stdout).trim().split('\n').slice(-3).join(' ');
  throw new Problem('PythonSetupFailed', words.tell('python_setup', { cause: said }));
}

async function answers(command: string, args: string[]): Promise<boolean> {
  return run(command, args, { env: cleanEnv() }).then(
    ({ code }) => code === 0,
    () => false,
  );
}

/** What installers and interpreters need, and nothing of the platform's secrets. */
function cleanEnv(): NodeJS.ProcessEnv {
  const needed =
    /^(PATH|HOME|LANG|LC_.*|TMPDIR|TZ|PIP_.*|UV_.*|SSL_.*|XDG_.*|PYENV_.*|REQUESTS_CA_BUNDLE|(https?|no|all)_proxy)$/i;
  const kept = Object.entries(process.env).filter(([name]) => needed.test(name));
  // uv brings certificates of its own and would not know those of a company network.
  return { UV_NATIVE_TLS: 'true', UV_SYSTEM_CERTS: 'true', ...Object.fromEntries(kept) };
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
