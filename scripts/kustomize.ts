import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import { buildHelm } from '../tests/cluster/build.ts';

/**
 * Writes `infra/k8s` from the chart, so that `kubectl apply -k` and Helm install the same: the base has what all environments share, as it
 * is in dev; an overlay adds its objects and patches. `--check` fails when a file is not what the chart says.
 */
const chart = 'infra/helm/llm-ops';
const root = 'infra/k8s';
const environments = ['dev', 'stg', 'prod'] as const;
type Environment = (typeof environments)[number];

interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  [field: string]: unknown;
}
interface Rendered {
  /** name of the template without `.yaml` */
  source: string;
  manifest: Manifest;
}
interface Patch {
  op: 'add' | 'replace' | 'remove';
  path: string;
  value?: unknown;
}

const idOf = ({ apiVersion, kind, metadata }: Manifest) =>
  [apiVersion, kind, metadata.namespace ?? '', metadata.name].join(' ');
const isEqual = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/** What the chart makes of an environment's values, without what only Helm understands. */
export function renderChart(environment: Environment): Rendered[] {
  const args = ['template', 'llm-ops', chart, '--namespace=llm-ops', `--values=${chart}/values-${environment}.yaml`];
  const helm = spawnSync(buildHelm(), args, { encoding: 'utf8' });
  if (helm.status !== 0) throw new Error(helm.stderr);
  return helm.stdout.split(/^---\n/m).flatMap((text) => {
    const source = /^# Source: .*\/templates\/(.*)\.yaml$/m.exec(text)?.[1];
    const [document] = parseAllDocuments(text);
    if (source === undefined || document === undefined || document.contents === null) return [];
    return [{ source, manifest: withoutHelm(document.toJS() as Manifest) }];
  });
}

function withoutHelm(manifest: Manifest): Manifest {
  const { labels, annotations = {} } = manifest.metadata;
  const clean = (of: Record<string, string> | undefined) => {
    for (const name of ['helm.sh/chart', 'app.kubernetes.io/managed-by']) delete of?.[name];
  };
  clean(labels);
  clean((manifest['spec'] as { template?: Manifest } | undefined)?.template?.metadata.labels);
  const isHook = 'helm.sh/hook' in annotations;
  for (const name of Object.keys(annotations)) if (name.startsWith('helm.sh/')) delete annotations[name];
  // Argo CD runs it before the rest as Helm does; `kubectl apply` runs it beside the rest, which waits for the same lock
  if (isHook)
    Object.assign(annotations, {
      'argocd.argoproj.io/hook': 'PreSync',
      'argocd.argoproj.io/hook-delete-policy': 'BeforeHookCreation',
    });
  if (Object.keys(annotations).length === 0) delete manifest.metadata.annotations;
  return manifest;
}

/** JSON patch from one value to another: objects by field, lists of one length by position, else as a whole. */
function difference(from: unknown, to: unknown, at = ''): Patch[] {
  if (isEqual(from, to)) return [];
  const both = [from, to];
  const areLists = both.every(Array.isArray) && (from as unknown[]).length === (to as unknown[]).length;
  const areObjects = both.every((one) => typeof one === 'object' && one !== null && !Array.isArray(one));
  if (!areLists && !areObjects) return [{ op: 'replace', path: at, value: to }];
  const [before, after] = both as Record<string, unknown>[];
  return [...new Set([...Object.keys(before!), ...Object.keys(after!)])].flatMap((key): Patch[] => {
    const below = `${at}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    if (!(key in after!)) return [{ op: 'remove', path: below }];
    if (!(key in before!)) return [{ op: 'add', path: below, value: after![key] }];
    return difference(before![key], after![key], below);
  });
}

/** Objects by the template they come from, a file each. */
function filesOf(folder: string, objects: readonly Rendered[]): Record<string, string> {
  const bySource = Map.groupBy(objects, ({ source }) => source);
  return Object.fromEntries(
    [...bySource].map(([source, list]) => [
      `${folder}/${source}.yaml`,
      list.map(({ manifest }) => write(manifest)).join('---\n'),
    ]),
  );
}

const write = (value: unknown) => stringify(value, { lineWidth: 0, singleQuote: true, aliasDuplicateObjects: false });
const namesOf = (files: Record<string, string>) => Object.keys(files).map((file) => path.basename(file));
const kustomization = (kind: 'Kustomization' | 'Component', fields: object) =>
  write({
    apiVersion: kind === 'Component' ? 'kustomize.config.k8s.io/v1alpha1' : 'kustomize.config.k8s.io/v1beta1',
    kind,
    ...fields,
  });

/** Every file of `infra/k8s` by its path. */
export function kustomizeFiles(): Record<string, string> {
  const rendered = Object.fromEntries(environments.map((name) => [name, renderChart(name)])) as Record<
    Environment,
    Rendered[]
  >;
  const find = (environment: Environment, id: string) =>
    rendered[environment].find(({ manifest }) => idOf(manifest) === id)?.manifest;
  const everywhere = ({ manifest }: Rendered) => environments.every((name) => find(name, idOf(manifest)));
  const base = filesOf(`${root}/base`, rendered.dev.filter(everywhere));
  base[`${root}/base/namespace.yaml`] = write({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'llm-ops', labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
  });
  const alike = ({ source, manifest }: Rendered) =>
    source === 'monitoring' &&
    isEqual(manifest, find('stg', idOf(manifest))) &&
    isEqual(manifest, find('prod', idOf(manifest)));
  const monitoring = filesOf(`${root}/components/monitoring`, rendered.prod.filter(alike));
  const files: Record<string, string> = {
    ...base,
    [`${root}/base/kustomization.yaml`]: kustomization('Kustomization', { resources: namesOf(base).toSorted() }),
    ...monitoring,
    [`${root}/components/monitoring/kustomization.yaml`]: kustomization('Component', {
      resources: namesOf(monitoring),
    }),
  };
  for (const environment of environments) {
    const folder = `${root}/overlays/${environment}`;
    const own = rendered[environment].filter((one) => !everywhere(one));
    const extra = filesOf(
      folder,
      own.filter((one) => !alike(one)),
    );
    const patches = rendered[environment].filter(everywhere).flatMap(({ manifest }) => {
      const patch = difference(find('dev', idOf(manifest)), manifest);
      const { name, namespace } = manifest.metadata;
      if (patch.length === 0) return [];
      const where = namespace === undefined ? {} : { namespace };
      return [{ target: { kind: manifest.kind, name, ...where }, patch: write(patch) }];
    });
    files[`${folder}/kustomization.yaml`] = kustomization('Kustomization', {
      resources: ['../../base', ...namesOf(extra)],
      ...(own.some(alike) ? { components: ['../../components/monitoring'] } : {}),
      ...(patches.length > 0 ? { patches } : {}),
    });
    Object.assign(files, extra);
  }
  return files;
}

if (import.meta.main) {
  const files = kustomizeFiles();
  const there = globSync(`${root}/**/*.yaml`);
  const stale = [
    ...Object.keys(files).filter((file) => !existsSync(file) || readFileSync(file, 'utf8') !== files[file]),
    ...there.filter((file) => !(file in files)),
  ];
  if (process.argv.includes('--check')) {
    for (const file of stale) console.error(`${file} is not what the chart says: node scripts/kustomize.ts`);
    process.exitCode = stale.length === 0 ? 0 : 1;
  } else {
    for (const file of there) if (!(file in files)) rmSync(file);
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    console.log(stale.length === 0 ? 'Nothing to do.' : `Wrote ${stale.length} files of ${root}.`);
  }
}
