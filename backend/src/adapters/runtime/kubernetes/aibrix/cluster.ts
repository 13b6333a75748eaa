import type { ForeignModel, ModelCluster, ModelClusterStatus } from '#ports/models';
import type { Census } from '../cluster/census.ts';
import { ClusterError, pathOf, type ClusterClient } from '../cluster/client.ts';
import { ours } from '../cluster/objects.ts';
import { modelLabel } from '../flavour.ts';
import { roomOf, type Room } from '../preflight.ts';
import { toldAs } from '../told.ts';
import type { ClusterConfig } from '../types.ts';
import { managedLabel, type ModelsConfig } from './names.ts';
import type { Operators } from './operators.ts';
import { storageClassesOf } from './storage.ts';

interface DeploymentObject {
  metadata: { name: string; namespace: string; labels?: Record<string, string>; creationTimestamp: string };
  spec?: { replicas?: number; template?: { spec?: { containers?: { image?: string }[] } } };
  status?: { readyReplicas?: number };
}

/** The cluster as models of organizations see it. */
export function createModelCluster(deps: {
  client: ClusterClient;
  census: Census;
  config: ClusterConfig;
  models: ModelsConfig;
  operators: Operators;
}): ModelCluster {
  const { client, census, config, models, operators } = deps;

  const told = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw toldAs(error);
    }
  };

  return {
    status: () =>
      told(async (): Promise<ModelClusterStatus> => {
        const [version, { nodes, pods }, found, storageClasses] = await Promise.all([
          client.get<{ gitVersion: string }>('/version'),
          census.now(),
          operators.list(),
          storageClassesOf(client),
        ]);
        const free = new Map(roomOf(nodes, pods, config.gpuLabel).map((room) => [room.name, room]));
        return {
          version: version.gitVersion,
          namespace: models.namespace,
          nodes: nodes.length,
          gpuNodes: nodes.flatMap(({ metadata, status }) => {
            const gpus = Number(status?.allocatable?.['nvidia.com/gpu'] ?? 0);
            return gpus > 0 ? [gpuNode(metadata.name, gpus, free.get(metadata.name))] : [];
          }),
          operators: found,
          storageClasses,
        };
      }),
    operators: () => operators.list(),
    storageClasses: () => told(() => storageClassesOf(client)),

    foreign: () =>
      told(async () => {
        const { items } = await client.get<{ items: DeploymentObject[] }>('/apis/apps/v1/deployments', {
          labelSelector: modelLabel,
        });
        return items.filter(({ metadata }) => !isOurs(metadata.labels)).map(foreignModel);
      }),

    isTaken: (name) =>
      told(async () => {
        for (const kind of [
          { apiVersion: 'apps/v1', kind: 'Deployment' },
          { apiVersion: 'v1', kind: 'Service' },
        ]) {
          try {
            const path = pathOf(kind, models.namespace, name);
            const { metadata } = await client.get<{ metadata: { labels?: Record<string, string> } }>(path);
            if (!isOurs(metadata.labels)) return true;
          } catch (error) {
            if (!(error instanceof ClusterError && error.status === 404)) throw error;
          }
        }
        return false;
      }),
  };
}

/** A node that takes no pods has nothing free. */
function gpuNode(name: string, gpus: number, room: Room | undefined): ModelClusterStatus['gpuNodes'][number] {
  return {
    name,
    gpuType: room?.gpuType ?? null,
    gpus,
    freeGpus: Math.max(room?.free.gpus ?? 0, 0),
    vramBytes: room?.gpuMemory ?? null,
  };
}

const [ourLabel, ourValue] = ours.split('=') as [string, string];
const isOurs = (labels: Record<string, string> | undefined) => labels?.[ourLabel] === ourValue;

function foreignModel({ metadata, spec, status }: DeploymentObject): ForeignModel {
  return {
    name: metadata.labels?.[modelLabel] ?? metadata.name,
    namespace: metadata.namespace,
    marked: metadata.labels?.[managedLabel] === 'true',
    image: spec?.template?.spec?.containers?.[0]?.image ?? null,
    replicas: spec?.replicas ?? 1,
    readyReplicas: status?.readyReplicas ?? 0,
    createdAt: metadata.creationTimestamp,
  };
}
