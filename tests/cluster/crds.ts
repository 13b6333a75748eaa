import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Plane } from './plane.ts';

/** Definitions of operators, from their own Go modules; they are not kept in the project. */
const definitions = {
  kserve: {
    module: 'github.com/kserve/kserve@v0.19.0',
    files: ['config/crd/full/serving.kserve.io_inferenceservices.yaml'],
    names: ['inferenceservices.serving.kserve.io'],
  },
  'gpu-operator': {
    module: 'github.com/NVIDIA/gpu-operator@v1.8.3-0.20240429200431-0fe1e8db32b0',
    files: ['config/crd/bases/nvidia.com_clusterpolicies.yaml'],
    names: ['clusterpolicies.nvidia.com'],
  },
  kuberay: {
    module: 'github.com/ray-project/kuberay/ray-operator@v1.6.0',
    files: ['config/crd/bases/ray.io_rayclusters.yaml'],
    names: ['rayclusters.ray.io'],
  },
  'prometheus-operator': {
    module: 'github.com/prometheus-operator/prometheus-operator@v0.91.0',
    files: ['servicemonitors', 'podmonitors', 'prometheusrules'].map(
      (kind) => `example/prometheus-operator-crd/monitoring.coreos.com_${kind}.yaml`,
    ),
    names: ['servicemonitors', 'podmonitors', 'prometheusrules'].map((kind) => `${kind}.monitoring.coreos.com`),
  },
  'argo-cd': {
    module: 'github.com/argoproj/argo-cd/v3@v3.2.0',
    files: ['manifests/crds/application-crd.yaml'],
    names: ['applications.argoproj.io'],
  },
  'flux-source': {
    module: 'github.com/fluxcd/source-controller@v1.7.0',
    files: ['config/crd/bases/source.toolkit.fluxcd.io_gitrepositories.yaml'],
    names: ['gitrepositories.source.toolkit.fluxcd.io'],
  },
  'flux-kustomize': {
    module: 'github.com/fluxcd/kustomize-controller@v1.6.0',
    files: ['config/crd/bases/kustomize.toolkit.fluxcd.io_kustomizations.yaml'],
    names: ['kustomizations.kustomize.toolkit.fluxcd.io'],
  },
  aibrix: {
    // some mirrors of modules have its files and not what `go mod download` asks first: aibrix/go.mod tells the version
    listed: 'aibrix',
    module: 'github.com/vllm-project/aibrix/api/autoscaling/v1alpha1',
    files: ['config/crd/autoscaling/autoscaling.aibrix.ai_podautoscalers.yaml'],
    names: ['podautoscalers.autoscaling.aibrix.ai'],
  },
} as const;

/** Applies the definitions of an operator and waits until the API server serves them. */
export async function applyDefinitions(plane: Plane, operator: keyof typeof definitions): Promise<void> {
  const definition = definitions[operator];
  const { files, names } = definition;
  const folder = 'listed' in definition ? listed(definition) : downloaded(definition.module, plane);
  for (const file of files) await plane.kubectl(['apply', '--server-side', '-f', join(folder, file)]);
  for (const name of names) await established(plane, name);
}

function downloaded(module: string, plane: Plane): string {
  const { Dir } = JSON.parse(go(['mod', 'download', '-json', module], plane.folder)) as { Dir: string };
  return Dir;
}

/** Of a package of a module that a `go.mod` beside this file names. */
function listed({ listed: beside, module }: { listed: string; module: string }): string {
  return go(['list', '-find', '-f', '{{.Module.Dir}}', module], join(import.meta.dirname, beside)).trim();
}

function go(args: readonly string[], cwd: string): string {
  const got = spawnSync('go', args, { encoding: 'utf8', cwd });
  if (got.status !== 0) throw new Error(`go ${args.join(' ')}: ${got.stderr}${got.stdout}`);
  return got.stdout;
}

/** `kubectl wait` fails on a definition that has no status yet. */
async function established(plane: Plane, name: string): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    const { status } = JSON.parse(await plane.kubectl(['get', 'crd', name, '-o', 'json'])) as {
      status?: { conditions?: { type: string; status: string }[] };
    };
    if (status?.conditions?.some(({ type, status: is }) => type === 'Established' && is === 'True')) return;
    await wait(100);
  }
}
