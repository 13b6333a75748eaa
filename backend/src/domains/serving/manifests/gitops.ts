import type { ArchivedFile } from './tar.ts';
import { needsOf } from './needs.ts';
import { yamlOf } from './yaml.ts';

type Manifest = Record<string, unknown>;

export interface Exported {
  /** of the endpoint */
  name: string;
  route: string;
  environment: string;
  revision: number;
  model: string;
  /** they hold no secret */
  manifests: readonly Manifest[];
  warnings: readonly string[];
}

/** Where in Git it is kept. */
export interface Repository {
  url: string;
  branch: string;
  /** of the folder, relative to the root of the repository */
  path: string;
}

const managedBy = 'llm-ops';

/**
 * A folder to keep in Git: a file for each object, named so that the next revision changes them instead of adding others, the kustomization
 * over them, and how Argo CD and Flux follow the folder. Pure.
 */
export function gitopsFiles(exported: Exported, { url, branch, path }: Repository): ArchivedFile[] {
  const { environment } = exported;
  const app = `${exported.name.toLowerCase().replaceAll(/[^a-z0-9-]+/g, '-')}-${environment}`
    .replaceAll(/^-+|-+$/g, '')
    .slice(-63);
  const objects = filesOf(exported.manifests);
  const namespace = namespaceOf(exported.manifests) ?? `llm-ops-${environment}`;
  const kustomization = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    resources: objects.map((file) => file.path),
  };
  const labels = { 'app.kubernetes.io/part-of': managedBy };
  const argocd = {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Application',
    metadata: { name: app, namespace: 'argocd', labels },
    spec: {
      project: 'default',
      source: { repoURL: url, targetRevision: branch, path },
      destination: { server: 'https://kubernetes.default.svc', namespace },
      syncPolicy: {
        automated: { prune: true, selfHeal: true },
        syncOptions: ['CreateNamespace=true', 'ServerSideApply=true'],
      },
    },
  };
  const metadata = { name: app, namespace: 'flux-system', labels };
  const flux = [
    {
      apiVersion: 'source.toolkit.fluxcd.io/v1',
      kind: 'GitRepository',
      metadata,
      spec: { interval: '1m', url, ref: { branch } },
    },
    {
      apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
      kind: 'Kustomization',
      metadata,
      spec: {
        interval: '10m',
        path: `./${path}`,
        prune: true,
        wait: true,
        timeout: '15m',
        sourceRef: { kind: 'GitRepository', name: app },
      },
    },
  ];
  return [
    ...objects.map((file) => ({ ...file, path: `${path}/${file.path}` })),
    { path: `${path}/kustomization.yaml`, text: yamlOf(kustomization) },
    { path: `${path}/README.md`, text: readme(exported, namespace) },
    { path: `argocd/${app}.yaml`, text: yamlOf(argocd) },
    { path: `flux/${app}.yaml`, text: flux.map((one) => `---\n${yamlOf(one)}`).join('') },
  ];
}

/** `deployment.yaml`; with a number where there are several of a kind. */
function filesOf(manifests: readonly Manifest[]): ArchivedFile[] {
  const seen = new Map<string, number>();
  return manifests.map((manifest) => {
    const kind = String(manifest.kind).toLowerCase();
    const count = (seen.get(kind) ?? 0) + 1;
    seen.set(kind, count);
    return { path: `${kind}${count === 1 ? '' : `-${count}`}.yaml`, text: yamlOf(manifest) };
  });
}

function namespaceOf(manifests: readonly Manifest[]): string | undefined {
  const found = manifests.map(({ metadata }) => (metadata as { namespace?: string } | undefined)?.namespace);
  return found.find((namespace) => namespace !== undefined);
}

function readme({ route, environment, revision, model, manifests, warnings }: Exported, namespace: string): string {
  const needs = needsOf(manifests);
  const plain = (text: string) => text.replaceAll(/[\r\n]+/g, ' ');
  const lines = [
    `# ${plain(route)} in ${environment}`,
    '',
    `Revision ${revision}: ${plain(model)}. Written by LLM Ops; the next export of the same endpoint replaces these files.`,
    '',
    '```sh',
    `kubectl apply --server-side -k .`,
    '```',
    '',
    `Values of secrets are not exported, nor is the namespace \`${namespace}\`. Before the first apply, make it${needs.length === 0 ? '.' : ' and in it,'}`,
    ...(needs.length === 0 ? [] : ['for example with Sealed Secrets or External Secrets:', '']),
    ...needs.map(({ kind, name, keys }) => {
      const having = keys.length === 0 ? '' : ` with the keys ${keys.map((key) => `\`${key}\``).join(', ')}`;
      return `- the ${kind} \`${name}\`${having}`;
    }),
    '',
    'The platform applies the same objects where it serves this endpoint itself. Let Argo CD or Flux do so on a cluster that it does not',
    'reach, or take the environment out of `SERVING_DRIFT_REPAIR`, so that two do not write the same fields.',
    ...warnings.flatMap((warning) => ['', `Warning: ${plain(warning)}`]),
    '',
  ];
  return lines.join('\n');
}
