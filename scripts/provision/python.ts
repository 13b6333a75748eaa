import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
// numpy's pinned release has no build for an older Python
const MINIMUM = [3, 11] as const;
const CANDIDATES = ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python'];
const READY = '.ready';

interface Interpreter {
  command: string;
  version: string;
}

/**
 * A Python environment with what `requirementsFile` lists, made once for each content of that file under
 * `${XDG_CACHE_HOME:-~/.cache}/llm-ops/python/` and used again afterwards. Says on stderr what it installs.
 * Two processes that need the same one at once both get a whole one.
 * `complete`: the file names every package, and what the packages themselves ask for is not looked at.
 * @returns path of the environment's `python`
 * @throws when there is no Python 3.11 or newer, or when the installation fails, with the command to run
 */
export async function provisionPython(requirementsFile: string, { complete = false } = {}): Promise<string> {
  const requirements = await readFile(requirementsFile, 'utf8');
  const interpreter = await findPython();
  const key = createHash('sha256').update(`${interpreter.version}\n${requirements}`).digest('hex').slice(0, 16);
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'llm-ops', 'python');
  const folder = join(cache, key);
  const python = join(folder, 'bin', 'python');
  if (existsSync(join(folder, READY))) return python;
  await mkdir(cache, { recursive: true });
  await removeAbandoned(cache);
  const part = join(cache, `${key}.${process.pid}.${Math.random().toString(36).slice(2, 8)}.part`);
  say(`installing a Python environment for ${basename(requirementsFile)}: ${packages(requirements).join(', ')}`);
  try {
    await install(interpreter, part, ['--requirement', requirementsFile, ...(complete ? ['--no-deps'] : [])]);
    await writeFile(join(part, READY), `${requirements}`);
    await publish(part, folder);
  } finally {
    await rm(part, { recursive: true, force: true });
  }
  say(`installed in ${folder}`);
  return python;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** The pinned packages of a requirements file, without hashes and comments. */
function packages(requirements: string): string[] {
  return [...requirements.matchAll(/^([A-Za-z0-9][A-Za-z0-9._-]*==[^\s;\\]+)/gm)].map((match) => match[1] ?? '');
}

async function findPython(): Promise<Interpreter> {
  for (const command of CANDIDATES) {
    const version = await run(command, ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])']).then(
      ({ stdout }) => stdout.trim(),
      () => '',
    );
    const [major = 0, minor = 0] = version.split('.').map(Number);
    if (major > MINIMUM[0] || (major === MINIMUM[0] && minor >= MINIMUM[1])) return { command, version };
  }
  throw new Error(
    `Python ${MINIMUM.join('.')} or newer is needed and was not found. Install it, for example: apt-get install python3 python3-venv`,
  );
}

async function install(interpreter: Interpreter, folder: string, what: readonly string[]): Promise<void> {
  const python = join(folder, 'bin', 'python');
  const big = {
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, UV_PYTHON_DOWNLOADS: 'never', UV_NATIVE_TLS: 'true', UV_SYSTEM_CERTS: 'true' },
  };
  const uv = await run('uv', ['--version']).then(
    () => true,
    () => false,
  );
  try {
    if (uv) {
      await run('uv', ['venv', '--quiet', '--python', interpreter.command, folder], big);
      await run('uv', ['pip', 'install', '--quiet', '--python', python, ...what], big);
    } else {
      await run(interpreter.command, ['-m', 'venv', folder], big);
      await run(python, ['-m', 'pip', 'install', '--quiet', ...what], big);
    }
  } catch (cause) {
    const detail = cause instanceof Error && 'stderr' in cause ? String(cause.stderr).trim() : String(cause);
    throw new Error(
      `The Python environment for ${basename(what[1]!)} could not be installed: ${detail}\n` +
        `Install venv and pip (apt-get install python3-venv python3-pip), or uv (pip install uv), and check the package index.`,
      { cause },
    );
  }
}

/** Only a whole environment gets the name that others look for; whoever comes second leaves the first one's. */
async function publish(part: string, folder: string): Promise<void> {
  try {
    await rename(part, folder);
  } catch (error) {
    if (existsSync(join(folder, READY))) return;
    throw error;
  }
}

/** Removes what killed installations left: their process is in the name. */
async function removeAbandoned(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    const pid = /^[0-9a-f]{16}\.(\d+)\.\w+\.part$/.exec(name)?.[1];
    if (pid !== undefined && !alive(Number(pid))) await rm(join(cache, name), { recursive: true, force: true });
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
