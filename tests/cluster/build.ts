import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

export const kubernetesVersion = 'v1.36.3';

const source = join(import.meta.dirname, 'plane');

/**
 * Path of the control plane's program (see plane/main.go), built once from Go modules: about ten minutes of CPU, then kept outside of the
 * project under the hash of what it is made of.
 */
export function buildPlane(): string {
  const go = spawnSync('go', ['version'], { encoding: 'utf8' });
  if (go.status !== 0) throw new Error('The cluster tests need Go 1.26 or newer (https://go.dev/dl).');
  const hash = createHash('sha256').update(go.stdout);
  for (const name of ['go.mod', 'go.sum', 'main.go']) hash.update(readFileSync(join(source, name)));
  const folder = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'llm-ops', 'plane');
  const program = join(folder, hash.digest('hex').slice(0, 16));
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true });
  console.log('Building the Kubernetes control plane for tests, once, five minutes or more …');
  const [major, minor] = kubernetesVersion.slice(1).split('.');
  const stamp = (name: string, value: string) => `-X k8s.io/component-base/version.${name}=${value}`;
  const flags = [
    '-s',
    '-w',
    stamp('gitVersion', kubernetesVersion),
    stamp('gitMajor', major!),
    stamp('gitMinor', minor!),
  ];
  const partial = `${program}.${process.pid}`;
  const built = spawnSync('go', ['build', '-trimpath', '-ldflags', flags.join(' '), '-o', partial, '.'], {
    cwd: source,
    env: { ...process.env, CGO_ENABLED: '0' },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (built.status !== 0) throw new Error('The control plane could not be built; see above.');
  renameSync(partial, program);
  return program;
}
