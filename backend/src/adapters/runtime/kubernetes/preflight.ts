import { again, together, type Sentence } from '#platform/words';
import type { Preflight, PreflightCheck, RevisionSpec } from '#ports/runtime';
import type { Census, Node, PodOnNode } from './cluster/census.ts';
import { ClusterError, type ClusterClient } from './cluster/client.ts';
import { estimateMemory } from './estimate.ts';
import { firstOf, green } from './checks.ts';
import { imageCheck } from './image.ts';
import { namesOf } from './names.ts';
import { podOf } from './pod.ts';
import { cores, bytes } from './quantity.ts';
import { fitWords } from './sentences.ts';
import type { ClusterConfig } from './types.ts';

export interface Quota {
  metadata: { name: string };
  status?: { hard?: Record<string, string>; used?: Record<string, string> };
}

export interface Room {
  name: string;
  gpuType: string | null;
  gpuMemory: number | null;
  free: { cpu: number; memory: number; gpus: number };
}

/** What each node that takes pods has left: what it can give less what pods on it asked for. Pure. */
export function roomOf(nodes: readonly Node[], pods: readonly PodOnNode[], gpuLabel: string): Room[] {
  const used = new Map<string, { cpu: number; memory: number; gpus: number }>();
  for (const { spec } of pods) {
    if (spec?.nodeName === undefined) continue;
    const sum = used.get(spec.nodeName) ?? { cpu: 0, memory: 0, gpus: 0 };
    for (const { resources } of spec.containers) {
      const { cpu, memory, 'nvidia.com/gpu': gpus } = resources?.requests ?? {};
      sum.cpu += cores(cpu);
      sum.memory += bytes(memory);
      sum.gpus += Number(gpus ?? 0);
    }
    used.set(spec.nodeName, sum);
  }
  return nodes
    .filter(
      ({ spec, status }) =>
        spec?.unschedulable !== true &&
        status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
    )
    .map(({ metadata, status }) => {
      const taken = used.get(metadata.name) ?? { cpu: 0, memory: 0, gpus: 0 };
      const { cpu, memory, 'nvidia.com/gpu': gpus } = status?.allocatable ?? {};
      const megabytes = metadata.labels?.['nvidia.com/gpu.memory'];
      return {
        name: metadata.name,
        gpuType: metadata.labels?.[gpuLabel] ?? metadata.labels?.['nvidia.com/gpu.product'] ?? null,
        gpuMemory: megabytes === undefined ? null : Number(megabytes) * 1024 ** 2,
        free: {
          cpu: cores(cpu) - taken.cpu,
          memory: bytes(memory) - taken.memory,
          gpus: Number(gpus ?? 0) - taken.gpus,
        },
      };
    });
}

/** Whether a revision fits the cluster as it is now, and what to change when it does not. */
export async function preflightOf(
  { client, census, config }: { client: ClusterClient; census: Census; config: ClusterConfig },
  spec: RevisionSpec,
): Promise<Preflight> {
  const { namespace } = namesOf(spec, config);
  const [{ nodes, pods }, quotas] = await Promise.all([census.now(), quotasOf(client, namespace)]);
  return judge(spec, roomOf(nodes, pods, config.gpuLabel), quotas, config, imageCheck(spec, nodes, pods));
}

/** None where the namespace is not there yet, or they may not be read. */
export async function quotasOf(client: ClusterClient, namespace: string): Promise<Quota[]> {
  try {
    return (await client.get<{ items: Quota[] }>(`/api/v1/namespaces/${namespace}/resourcequotas`)).items;
  } catch (error) {
    if (error instanceof ClusterError && (error.status === 403 || error.status === 404)) return [];
    throw error;
  }
}

/** Pure: the same cluster and revision give the same answer. */
export function judge(
  spec: RevisionSpec,
  rooms: readonly Room[],
  quotas: readonly Quota[],
  config: ClusterConfig,
  image: readonly PreflightCheck[],
): Preflight {
  const estimate =
    spec.model.inspection && estimateMemory(spec.model.inspection, { context: spec.contextLength, sequences: 4 });
  const checks: PreflightCheck[] = [nodesCheck(spec, rooms), ...quotaChecks(spec, quotas), ...image];
  const { warnings, refused } = podOf(spec, namesOf(spec, config), config);
  for (const { path, message } of refused)
    checks.push({
      name: 'arguments',
      level: 'red',
      ...fitWords.tell('argument', { field: path, cause: message }),
    });
  for (const message of warnings) checks.push({ name: 'runtime', level: 'amber', message, remedy: null });
  const perGpu = spec.useGpu ? Math.max(0, ...fitting(spec, rooms).map(({ gpuMemory }) => gpuMemory ?? 0)) : 0;
  const room = spec.useGpu ? perGpu * Math.max(spec.gpuCount, 1) : bytes(spec.resources.memoryLimit);
  if (estimate) checks.push(memoryCheck(spec, estimate.requiredBytes, room, estimate.basis));
  const level = checks.some((check) => check.level === 'red')
    ? 'red'
    : checks.some((check) => check.level === 'amber')
      ? 'amber'
      : 'green';
  const memory = estimate && {
    weightsBytes: estimate.weightsBytes,
    kvCacheBytes: estimate.kvCacheBytes,
    overheadBytes: estimate.overheadBytes,
    requiredBytes: estimate.requiredBytes,
    freeBytes: room > 0 ? room : null,
  };
  return { level, checks, memory };
}

function fitting(spec: RevisionSpec, rooms: readonly Room[]): Room[] {
  const gpus = spec.useGpu ? Math.max(spec.gpuCount, 1) : 0;
  return rooms.filter(
    ({ free, gpuType }) =>
      free.cpu >= cores(spec.resources.cpuRequest) &&
      free.memory >= bytes(spec.resources.memoryRequest) &&
      free.gpus >= gpus &&
      (!spec.useGpu || spec.gpuType === null || gpuType === spec.gpuType),
  );
}

function nodesCheck(spec: RevisionSpec, rooms: readonly Room[]): PreflightCheck {
  const fits = fitting(spec, rooms);
  if (fits.length > 0) {
    const named = fits.slice(0, 5).map(({ name }) => name);
    return green('nodes', fitWords.tell('nodes', { nodes: firstOf(named, fits.length) }));
  }
  const gpus = spec.useGpu ? Math.max(spec.gpuCount, 1) : 0;
  const most = rooms.reduce((best, { free }) => Math.max(best, free.gpus), 0);
  const types = [...new Set(rooms.flatMap(({ gpuType }) => gpuType ?? []))];
  const facts = { nodes: rooms.length, cpu: spec.resources.cpuRequest, memory: spec.resources.memoryRequest, most };
  const lacking =
    gpus === 0
      ? fitWords.tell('nodes_none', facts)
      : spec.gpuType === null
        ? fitWords.tell('nodes_none_gpu', { ...facts, gpus })
        : fitWords.tell('nodes_none_gpu_type', { ...facts, gpus, type: spec.gpuType });
  const otherType = spec.useGpu && spec.gpuType !== null && !types.includes(spec.gpuType);
  const steps = [
    ...(gpus > most ? [most > 0 ? fitWords.tell('fewer_gpus', { most }) : fitWords.tell('no_gpus')] : []),
    ...(otherType ? [types.length > 0 ? fitWords.tell('other_type', { types }) : fitWords.tell('no_type')] : []),
    fitWords.tell('less'),
  ].map((step) => again(step, 'text'));
  return { name: 'nodes', level: 'red', ...together(lacking, fitWords.tell('change', { steps })) };
}

function quotaChecks(spec: RevisionSpec, quotas: readonly Quota[]): PreflightCheck[] {
  const gpus = spec.useGpu ? Math.max(spec.gpuCount, 1) : 0;
  const asked: [key: string, amount: number, read: (text: string | undefined) => number][] = [
    ['requests.cpu', cores(spec.resources.cpuRequest) * spec.minReplicas, cores],
    ['requests.memory', bytes(spec.resources.memoryRequest) * spec.minReplicas, bytes],
    ['requests.nvidia.com/gpu', gpus * spec.minReplicas, (text) => Number(text ?? 0)],
    ['pods', spec.minReplicas, (text) => Number(text ?? 0)],
  ];
  return quotas.flatMap(({ metadata, status }) =>
    asked.flatMap(([key, amount, read]): PreflightCheck[] => {
      const hard = status?.hard?.[key];
      if (hard === undefined || amount === 0) return [];
      const left = read(hard) - read(status?.used?.[key]);
      if (left >= amount) return [];
      return [
        {
          name: 'quota',
          level: 'red',
          ...fitWords.tell('quota', { quota: metadata.name, left, resource: key, asked: amount }),
        },
      ];
    }),
  );
}

function memoryCheck(spec: RevisionSpec, required: number, room: number, basis: Sentence): PreflightCheck {
  const gigabytes = (amount: number) => `${(amount / 1024 ** 3).toFixed(1)} GiB`;
  const facts = { needed: gigabytes(required), basis };
  if (room === 0) return { name: 'memory', level: 'amber', ...fitWords.tell('memory_unknown', facts) };
  const level = required > room ? 'red' : required > room * 0.9 ? 'amber' : 'green';
  const told = spec.useGpu
    ? fitWords.tell('memory_gpus', { ...facts, room: gigabytes(room), gpus: Math.max(spec.gpuCount, 1) })
    : fitWords.tell('memory_limit', { ...facts, room: gigabytes(room), limit: spec.resources.memoryLimit });
  if (level === 'green') return green('memory', told);
  return { name: 'memory', level, ...together(told, fitWords.tell('memory_less')) };
}
