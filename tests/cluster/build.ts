import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

export const kubernetesVersion = 'v1.36.3';
const helmVersion = 'v3.21.4';

interface Program {
  /** folder beside this file with `go.mod`, `go.sum` and perhaps a `main.go`; also that of the cache */
  name: string;
  /** package to build, as seen from that folder */
  target: string;
  /** values of variables that a build of its makers would set */
  stamps?: Record<string, string>;
  /** of the build */
  tags?: readonly string[];
  what: string;
}

/** The control plane's program (see plane/main.go): about ten minutes of CPU when nothing is cached. */
export function buildPlane(): string {
  const [major, minor] = kubernetesVersion.slice(1).split('.');
  const stamp = 'k8s.io/component-base/version';
  return build({
    name: 'plane',
    target: '.',
    stamps: {
      [`${stamp}.gitVersion`]: kubernetesVersion,
      [`${stamp}.gitMajor`]: major!,
      [`${stamp}.gitMinor`]: minor!,
    },
    what: 'the Kubernetes control plane for tests, once, five minutes or more',
  });
}

/** Helm itself. Its module takes the plane's versions, so that after the plane it costs a minute of CPU and not three. */
export function buildHelm(): string {
  const [major, minor] = kubernetesVersion.slice(1).split('.');
  const stamps: Record<string, string> = { 'helm.sh/helm/v3/internal/version.version': helmVersion };
  for (const place of ['pkg/chartutil', 'pkg/lint/rules']) {
    stamps[`helm.sh/helm/v3/${place}.k8sVersionMajor`] = major!;
    stamps[`helm.sh/helm/v3/${place}.k8sVersionMinor`] = minor!;
  }
  return build({ name: 'helm', target: 'helm.sh/helm/v3/cmd/helm', stamps, what: 'Helm for tests, once, a minute' });
}

/** Prometheus, which finds pods by Kubernetes alone; about five minutes of CPU. Its web interface is left out. */
export function buildPrometheus(): string {
  return build({
    name: 'prometheus',
    target: 'github.com/prometheus/prometheus/cmd/prometheus',
    tags: ['remove_all_sd', 'enable_kubernetes_sd'],
    what: 'Prometheus for a drill, once, five minutes or more',
  });
}

/** The adapter that serves Kubernetes' custom metrics from Prometheus; about four minutes of CPU. */
export function buildAdapter(): string {
  return build({
    name: 'adapter',
    target: 'sigs.k8s.io/prometheus-adapter/cmd/adapter',
    what: 'the Prometheus adapter for a drill, once, four minutes or more',
  });
}

/** Path of a program, built once from Go modules and then kept outside of the project under the hash of what it is made of. */
function build({ name, target, stamps = {}, tags = [], what }: Program): string {
  const source = join(import.meta.dirname, name);
  const go = spawnSync('go', ['version'], { encoding: 'utf8' });
  if (go.status !== 0) throw new Error('The cluster tests need Go 1.26 or newer (https://go.dev/dl).');
  const hash = createHash('sha256').update(go.stdout);
  for (const file of readdirSync(source).toSorted()) hash.update(readFileSync(join(source, file)));
  const folder = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'llm-ops', name);
  const program = join(folder, hash.digest('hex').slice(0, 16));
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true });
  console.log(`Building ${what} …`);
  const flags = ['-s', '-w', ...Object.entries(stamps).map(([variable, value]) => `-X ${variable}=${value}`)];
  const partial = `${program}.${process.pid}`;
  const tagged = tags.length === 0 ? [] : ['-tags', tags.join(',')];
  const built = spawnSync('go', ['build', '-trimpath', ...tagged, '-ldflags', flags.join(' '), '-o', partial, target], {
    cwd: source,
    env: { ...process.env, CGO_ENABLED: '0' },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (built.status !== 0) throw new Error(`It could not be built: ${name}; see above.`);
  renameSync(partial, program);
  return program;
}
