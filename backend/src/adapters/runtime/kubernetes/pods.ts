import type { Pod as PodSeen, PodContainer } from '#ports/insight';
import type { Pod } from './cluster/objects.ts';
import type { ContainerLike } from './status.ts';

/** A pod as people ask about it: why it is not ready, how often it began again, where it is. Pure. */
export function podSeen(pod: Pod): PodSeen {
  const { metadata, status, spec } = pod;
  const containers = [
    ...(status?.initContainerStatuses ?? []).map((container) => containerSeen(container, true)),
    ...(status?.containerStatuses ?? []).map((container) => containerSeen(container, false)),
  ];
  const scheduled = status?.conditions?.find(({ type }) => type === 'PodScheduled');
  const held = containers.find(
    ({ ready, state, init, exitCode }) => !ready && (state !== 'running' || !init || exitCode),
  );
  const ready = status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;
  const why =
    scheduled?.status === 'False'
      ? scheduled
      : ready
        ? null
        : (held ?? { reason: status?.reason, message: status?.message });
  return {
    name: metadata.name,
    phase: metadata.deletionTimestamp === undefined ? (status?.phase ?? 'Unknown') : 'Terminating',
    ready,
    restarts: containers.reduce((sum, { restarts }) => sum + restarts, 0),
    node: spec?.nodeName ?? null,
    reason: why?.reason ?? null,
    message: why?.message ?? null,
    createdAt: new Date(metadata.creationTimestamp ?? 0).toISOString(),
    containers,
  };
}

function containerSeen(container: ContainerLike, init: boolean): PodContainer {
  const { name, image = '', ready, restartCount, state, lastState } = container;
  const { waiting, running, terminated } = state ?? {};
  const told = waiting ?? terminated;
  const started = running?.startedAt ?? terminated?.startedAt;
  return {
    name,
    image,
    init,
    ready,
    restarts: restartCount,
    state: running !== undefined ? 'running' : terminated !== undefined ? 'ended' : 'waiting',
    reason: told?.reason ?? null,
    message: told?.message ?? null,
    exitCode: (terminated ?? lastState?.terminated)?.exitCode ?? null,
    startedAt: started === undefined ? null : new Date(started).toISOString(),
    previous: lastState?.terminated !== undefined,
  };
}
