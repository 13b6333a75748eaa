import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';

const cache = path.join(process.env['XDG_CACHE_HOME'] || path.join(homedir(), '.cache'), 'llm-ops', 'bench');
const sources = ['go.mod', 'mock/main.go', 'loadgen/main.go', 'loadgen/client.go', 'loadgen/meter.go'];

/**
 * Builds the mock upstream and the load generator, once for each content of their sources, under `~/.cache/llm-ops/bench`.
 * @returns the folder with `mock` and `loadgen`
 * @throws when there is no Go, with the way to get it
 */
export async function provisionPrograms(): Promise<string> {
  const folder = path.join(import.meta.dirname, 'go');
  const contents = await Promise.all(sources.map((name) => readFile(path.join(folder, name), 'utf8')));
  return install('go', contents.join('\0'), (into) => {
    const { status, error } = spawnSync('go', ['build', '-o', `${into}/`, './mock', './loadgen'], {
      cwd: folder,
      env: { ...process.env, CGO_ENABLED: '0' },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    if (status === 0) return;
    throw new Error(
      `The bench's upstream and load generator could not be built${error === undefined ? '' : ' (no `go` was found)'}. ` +
        'They need Go 1.26 or newer: https://go.dev/dl, or apt-get install golang-go where that is new enough.',
    );
  });
}

/**
 * An npm package in a folder of its own under `~/.cache/llm-ops/bench`, installed once for each version; its install scripts do not run.
 * `overrides` are versions of what it needs, as npm reads them.
 * @returns the package's folder
 */
export async function provisionPackage(
  name: string,
  version: string,
  overrides: Record<string, string> = {},
): Promise<string> {
  const manifest = JSON.stringify({ private: true, overrides });
  const folder = await install('npm', `${name}@${version} ${manifest}`, async (into) => {
    await writeFile(path.join(into, 'package.json'), manifest);
    const args = ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--save-exact', `${name}@${version}`];
    const { status } = spawnSync('npm', args, { cwd: into, stdio: ['ignore', 'ignore', 'inherit'] });
    if (status !== 0) throw new Error(`${name}@${version} could not be installed. Check the npm registry.`);
  });
  return path.join(folder, 'node_modules', name);
}

/** Makes a folder named by what is in it, unless it is there; only a whole one gets the name. */
async function install(kind: string, content: string, make: (into: string) => Promise<void> | void): Promise<string> {
  const key = createHash('sha256').update(content).digest('hex').slice(0, 16);
  const folder = path.join(cache, `${kind}-${key}`);
  if (existsSync(folder)) return folder;
  await mkdir(cache, { recursive: true });
  const part = await mkdtemp(path.join(cache, 'part-'));
  try {
    await make(part);
    await rename(part, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(part, { recursive: true, force: true });
  }
  return folder;
}
