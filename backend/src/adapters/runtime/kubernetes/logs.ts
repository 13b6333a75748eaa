import type { ClusterClient } from './cluster/client.ts';
import type { Pod } from './cluster/objects.ts';

/** The last lines of the pod that fares worst; of its container before the last restart where the present one has said nothing yet. */
export async function logsOf(client: ClusterClient, pods: readonly Pod[], lines: number): Promise<string[]> {
  const [pod] = [...pods].sort((a, b) => restarts(b) - restarts(a));
  if (pod === undefined) return [];
  const path = `/api/v1/namespaces/${pod.metadata.namespace}/pods/${pod.metadata.name}/log`;
  const container = pod.metadata.annotations?.['kubectl.kubernetes.io/default-container'];
  const read = (previous: boolean) => client.text(path, { tailLines: lines, previous, container });
  const text = await read(false).then(
    (now) => (now === '' ? read(true) : now),
    () => read(true),
  );
  return text.split('\n').filter((line) => line !== '');
}

const restarts = ({ status }: Pod) =>
  Math.max(0, ...(status?.containerStatuses ?? []).map(({ restartCount }) => restartCount));
