import type { Operator, StorageClass } from '#ports/models';
import type { AibrixModel, Preflight, PreflightCheck, RevisionSpec } from '#ports/runtime';
import type { Census } from '../cluster/census.ts';
import type { ClusterClient } from '../cluster/client.ts';
import { imageCheck } from '../image.ts';
import { judge, quotasOf, roomOf, type Quota, type Room } from '../preflight.ts';
import { fitWords } from '../sentences.ts';
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
    ...fitWords.tell('operator', { crd, name }),
  };
}

function vramCheck(rooms: readonly Room[], asked: number): PreflightCheck {
  const most = rooms.reduce((best, { gpuMemory }) => Math.max(best, gpuMemory ?? 0), 0);
  return {
    name: 'vram',
    level: 'red',
    ...(most === 0
      ? fitWords.tell('vram_unknown', { asked: gibibytes(asked) })
      : fitWords.tell('vram', { asked: gibibytes(asked), most: gibibytes(most) })),
  };
}

/** The class that a claim would get. undefined: none. */
export function classFor(className: string | null, classes: readonly StorageClass[]): StorageClass | undefined {
  return classes.find((one) => (className === null ? one.default : one.name === className));
}

function storageCheck(storage: NonNullable<AibrixModel['storage']>, classes: readonly StorageClass[]) {
  const found = classFor(storage.className, classes);
  const names = classes.length > 0 ? classes.map(({ name }) => name) : fitWords.line('none');
  const red = (told: Pick<PreflightCheck, 'message' | 'remedy' | 'said'>): PreflightCheck[] => [
    { name: 'storage', level: 'red', ...told },
  ];
  if (found === undefined) {
    return red(
      storage.className === null
        ? fitWords.tell('storage_default', { classes: names })
        : fitWords.tell('storage_class', { name: storage.className, classes: names }),
    );
  }
  if (storage.shared && found.shared === false)
    return red(fitWords.tell('storage_shared', { name: found.name, provisioner: found.provisioner }));
  return [];
}
