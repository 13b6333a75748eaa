import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { buildHelm } from './build.ts';
import type { Plane } from './plane.ts';

export const chart = 'infra/helm/llm-ops';
export const environments = ['dev', 'stg', 'prod'] as const;
export const valuesOf = (environment: (typeof environments)[number]) => `${chart}/values-${environment}.yaml`;

export interface Ran {
  code: number;
  out: string;
  problem: string;
}

/** Runs Helm, on the plane's cluster when one is given. */
export async function helm(args: readonly string[], plane?: Plane): Promise<Ran> {
  const home = plane === undefined ? {} : { KUBECONFIG: plane.kubeconfig, HELM_CACHE_HOME: join(plane.folder, 'helm') };
  const child = spawn(buildHelm(), args, { env: { ...process.env, ...home }, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let problem = '';
  child.stdout.on('data', (text: Buffer) => (out += text.toString()));
  child.stderr.on('data', (text: Buffer) => (problem += text.toString()));
  const code = await new Promise<number>((resolve) => child.once('close', (ended) => resolve(ended ?? 1)));
  return { code, out, problem };
}

/** The same where only success will do; answers what it printed. */
export async function helmDoes(args: readonly string[], plane?: Plane): Promise<string> {
  const { code, out, problem } = await helm(args, plane);
  if (code !== 0) throw new Error(`helm ${args.join(' ')}: ${problem}${out}`);
  return out;
}

/** A namespace that takes only pods of the restricted security standard, with the Secret that the example values name. */
export async function namespaceFor(plane: Plane, name: string, secrets: Record<string, string>): Promise<void> {
  const objects = [
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
    },
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'llm-ops', namespace: name }, stringData: secrets },
  ];
  await plane.kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
}

/** Volumes for claims without a class: nothing provisions them here. */
export async function addVolumes(plane: Plane, count: number): Promise<void> {
  const items = Array.from({ length: count }, (_, index) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: `volume-${index}` },
    spec: {
      capacity: { storage: '10Gi' },
      accessModes: ['ReadWriteOnce'],
      persistentVolumeReclaimPolicy: 'Retain',
      hostPath: { path: `/volumes/${index}` },
    },
  }));
  await plane.kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
}
