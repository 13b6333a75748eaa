import { setTimeout as wait } from 'node:timers/promises';
import { failure } from '#platform/errors';
import type { LogQuery } from '#ports/insight';
import { ClusterError, type ClusterClient } from './cluster/client.ts';
import type { Pod } from './cluster/objects.ts';
import { toldAs } from './told.ts';

/** The last lines of the pod that fares worst; of its container before the last restart where the present one has said nothing yet. */
export async function logsOf(client: ClusterClient, pods: readonly Pod[], lines: number): Promise<string[]> {
  const pod = worst(pods);
  if (pod === undefined) return [];
  const container = containerOf(pod, null);
  const read = (previous: boolean) => client.text(pathOf(pod), { tailLines: lines, previous, container });
  const text = await read(false).then(
    (now) => (now === '' ? read(true) : now),
    () => read(true),
  );
  return text.split('\n').filter((line) => line !== '');
}

/** What a container has written. Throws `pod_not_found`, `pod_log_unavailable`. */
export async function readLog(client: ClusterClient, pods: readonly Pod[], query: LogQuery): Promise<string[]> {
  const pod = podNamed(pods, query);
  try {
    const text = await client.text(pathOf(pod), parametersOf(pod, query));
    return text.split('\n').filter((line) => line !== '');
  } catch (error) {
    throw logFailure(error);
  }
}

/**
 * Lines of a container as they come. When it ends and is started again, the log of its next instance follows; it is over when the pod is
 * gone. `podsNow` is asked again and again.
 */
export async function* followLog(
  client: ClusterClient,
  podsNow: () => readonly Pod[],
  query: LogQuery,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const { metadata } = podNamed(podsNow(), query);
  const found = () => podsNow().find((pod) => pod.metadata.uid === metadata.uid);
  let { lines }: { lines: number | undefined } = query;
  let read: string | undefined;
  while (!signal.aborted) {
    const pod = found();
    if (pod === undefined) return;
    const instance = instanceOf(pod, query);
    if (instance !== read) {
      try {
        const parameters = { ...parametersOf(pod, query), tailLines: lines, follow: !query.previous };
        yield* client.lines(pathOf(pod), parameters, signal);
      } catch (error) {
        if (signal.aborted) return;
        // one that waits for its image has no log yet: it is waited for
        if (!(error instanceof ClusterError && error.status === 400)) throw logFailure(error);
        await wait(1_000, undefined, { signal }).catch(() => undefined);
        continue;
      }
      if (query.previous) return;
      lines = undefined;
      read = instance;
    }
    await wait(500, undefined, { signal }).catch(() => undefined);
  }
}

/** Changes with every start of the container. */
function instanceOf(pod: Pod, { container }: LogQuery): string {
  const name = containerOf(pod, container);
  const all = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])];
  return String(all.find((one) => one.name === name)?.restartCount ?? 0);
}

function podNamed(pods: readonly Pod[], { pod: name }: LogQuery): Pod {
  const pod = name === null ? worst(pods) : pods.find(({ metadata }) => metadata.name === name);
  if (pod === undefined)
    throw failure('pod_not_found', name === null ? { message: 'Nothing runs for this revision.' } : {});
  return pod;
}

const worst = (pods: readonly Pod[]): Pod | undefined => [...pods].sort((a, b) => restarts(b) - restarts(a))[0];

const pathOf = ({ metadata }: Pod) => `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}/log`;

const containerOf = ({ metadata }: Pod, asked: string | null) =>
  asked ?? metadata.annotations?.['kubectl.kubernetes.io/default-container'];

const parametersOf = (pod: Pod, query: LogQuery) => ({
  container: containerOf(pod, query.container),
  previous: query.previous,
  tailLines: query.lines,
});

function logFailure(error: unknown): unknown {
  if (!(error instanceof ClusterError)) return toldAs(error);
  if (error.status === 404) return failure('pod_not_found', { message: error.message });
  if (error.status === 400)
    return /container .* is not valid/.test(error.message)
      ? failure('pod_not_found', { message: error.message })
      : failure('pod_log_unavailable', { message: error.message });
  if (error.status === 500) return failure('pod_log_unavailable', { message: error.message });
  return toldAs(error);
}

const restarts = ({ status }: Pod) =>
  Math.max(0, ...(status?.containerStatuses ?? []).map(({ restartCount }) => restartCount));
