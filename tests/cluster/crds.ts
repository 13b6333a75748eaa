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
  prometheus: {
    module: 'github.com/prometheus-operator/prometheus-operator@v0.91.0',
    files: ['servicemonitors', 'prometheusrules'].map(
      (kind) => `example/prometheus-operator-crd/monitoring.coreos.com_${kind}.yaml`,
    ),
    names: ['servicemonitors.monitoring.coreos.com', 'prometheusrules.monitoring.coreos.com'],
  },
} as const;

/** Applies the definitions of an operator and waits until the API server serves them. */
export async function applyDefinitions(plane: Plane, operator: keyof typeof definitions): Promise<void> {
  const { module, files, names } = definitions[operator];
  const got = spawnSync('go', ['mod', 'download', '-json', module], { encoding: 'utf8', cwd: plane.folder });
  if (got.status !== 0) throw new Error(`${module} cannot be had: ${got.stderr}${got.stdout}`);
  const { Dir } = JSON.parse(got.stdout) as { Dir: string };
  for (const file of files) await plane.kubectl(['apply', '--server-side', '-f', join(Dir, file)]);
  // `kubectl wait` fails on a definition that has no status yet
  for (const name of names) {
    for (let tries = 0; tries < 300; tries++) {
      const { status } = JSON.parse(await plane.kubectl(['get', 'crd', name, '-o', 'json'])) as {
        status?: { conditions?: { type: string; status: string }[] };
      };
      if (status?.conditions?.some(({ type, status: is }) => type === 'Established' && is === 'True')) break;
      await wait(100);
    }
  }
}
