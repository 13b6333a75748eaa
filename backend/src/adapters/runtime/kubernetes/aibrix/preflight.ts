import type { Operator, StorageClass } from '#ports/models';
import type { AibrixModel, Preflight, PreflightCheck, RevisionSpec } from '#ports/runtime';
import type { Census } from '../cluster/census.ts';
import type { ClusterClient } from '../cluster/client.ts';
import { imageCheck } from '../image.ts';
import { judge, quotasOf, roomOf, type Quota, type Room } from '../preflight.ts';
import { toldAs } from '../told.ts';
import type { ClusterConfig } from '../types.ts';
import { modelNamesOf, modelOf } from './names.ts';
import { leastMegabytes, type AibrixConfig } from './plan.ts';
import { storageClassesOf } from './storage.ts';

/** Whether a model fits the cluster as it is now: operators, nodes whose GPUs are large enough, quota of the namespace, storage. */
export async function modelPreflight(
  deps: AibrixConfig & { client: ClusterClient; census: Census; operators(): Promise<Operator[]> },
  spec: RevisionSpec,
): Promise<Preflight> {
  const { client, census, config, models } = deps;
  try {
    const [{ nodes, pods }, classes, operators, quotas] = await Promise.all([
      census.now(),
      storageClassesOf(client),
      deps.operators(),
      quotasOf(client, modelNamesOf(spec, models).namespace),
    ]);
    const rooms = roomOf(nodes, pods, config.gpuLabel);
    const image = imageCheck(spec, nodes, pods);
    return judgeModel(spec, { rooms, classes, operators, quotas, image }, config);
  } catch (error) {
    throw toldAs(error);
  }
}

/** Pure. */
export function judgeModel(
  spec: RevisionSpec,
  cluster: {
    rooms: Room[];
    classes: StorageClass[];
    operators: readonly Operator[];
    quotas: Quota[];
    image: readonly PreflightCheck[];
  },
  config: ClusterConfig,
): Preflight {
  const { minVramBytes, storage } = modelOf(spec);
  const asked = spec.useGpu ? minVramBytes : null;
  const large = cluster.rooms.filter((room) => asked === null || isLarge(room, asked));
  const fit = judge(spec, large, cluster.quotas, config, cluster.image);
  const own = [
    ...cluster.operators.filter(({ required, installed }) => required && !installed).map(missingOperator),
    ...(asked !== null && large.length === 0 ? [vramCheck(cluster.rooms, asked)] : []),
    ...(storage === null ? [] : storageCheck(storage, cluster.classes)),
  ];
  return own.some(({ level }) => level === 'red')
    ? { ...fit, level: 'red', checks: [...own, ...fit.checks] }
    : { ...fit, checks: [...own, ...fit.checks] };
}

const isLarge = ({ gpuMemory }: Room, asked: number) =>
  gpuMemory !== null && gpuMemory / 1024 ** 2 >= leastMegabytes(asked);
const gibibytes = (amount: number) => `${Math.round(amount / 1024 ** 3)}Gi`;

function missingOperator({ name, crd }: Operator): PreflightCheck {
  return {
    name: 'operators',
    level: 'red',
    message: `The cluster has no ${crd}: ${name} is not installed.`,
    remedy: `Install ${name}.`,
  };
}

function vramCheck(rooms: readonly Room[], asked: number): PreflightCheck {
  const most = rooms.reduce((best, { gpuMemory }) => Math.max(best, gpuMemory ?? 0), 0);
  return {
    name: 'vram',
    level: 'red',
    message: `No node says that its GPUs have ${gibibytes(asked)} of memory; the most is ${most === 0 ? 'not known' : gibibytes(most)}.`,
    remedy:
      most === 0
        ? 'The GPU operator labels nodes with nvidia.com/gpu.memory: see whether it runs, or leave requirements.gpu.min_vram out.'
        : 'Lower requirements.gpu.min_vram, or add such a node.',
  };
}

/** The class that a claim would get. undefined: none. */
export function classFor(className: string | null, classes: readonly StorageClass[]): StorageClass | undefined {
  return classes.find((one) => (className === null ? one.default : one.name === className));
}

function storageCheck(storage: NonNullable<AibrixModel['storage']>, classes: readonly StorageClass[]) {
  const found = classFor(storage.className, classes);
  const names = classes.map(({ name }) => name).join(', ') || 'none';
  const red = (message: string, remedy: string): PreflightCheck[] => [
    { name: 'storage', level: 'red', message, remedy },
  ];
  if (found === undefined) {
    const wanted = storage.className === null ? 'no default storage class' : `no storage class ${storage.className}`;
    return red(`The cluster has ${wanted}; there are: ${names}.`, 'Name one of them, or deploy without enable_pvc.');
  }
  if (storage.shared && found.shared === false)
    return red(
      `Several replicas share one volume (ReadWriteMany), which ${found.name} (${found.provisioner}) cannot give.`,
      'Name a storage class of a shared file system, set max_replicas to 1, or deploy without enable_pvc.',
    );
  return [];
}
