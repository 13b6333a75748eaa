import { together, type Sentence } from '#platform/words';
import type { Condition, Observation } from '#ports/runtime';
import { words } from './sentences.ts';

/** The parts of cluster objects that status is told from; as `@kubernetes/client-node` gives them. */
export interface PodLike {
  metadata?: { name?: string; creationTimestamp?: Date | string; deletionTimestamp?: Date | string };
  spec?: { nodeName?: string };
  status?: {
    phase?: string;
    reason?: string;
    message?: string;
    conditions?: {
      type: string;
      status: string;
      reason?: string;
      message?: string;
      lastTransitionTime?: Date | string;
    }[];
    containerStatuses?: ContainerLike[];
    initContainerStatuses?: ContainerLike[];
  };
}
export interface ContainerLike {
  name: string;
  ready: boolean;
  restartCount: number;
  image?: string;
  state?: StateLike;
  lastState?: StateLike;
}
interface StateLike {
  waiting?: { reason?: string; message?: string };
  running?: { startedAt?: string };
  terminated?: { exitCode: number; reason?: string; message?: string; startedAt?: string };
}
export interface DeploymentLike {
  spec?: { replicas?: number; template?: { spec?: { containers: { image?: string }[] } } };
  status?: {
    replicas?: number;
    readyReplicas?: number;
    availableReplicas?: number;
    conditions?: {
      type: string;
      status: string;
      reason?: string;
      message?: string;
      lastTransitionTime?: Date | string;
    }[];
  };
}

/** What is known may be old: the cluster cannot be followed. null: it can. */
export function outageCondition(since: Date | null): Condition[] {
  if (since === null) return [];
  return [
    {
      type: 'Cluster',
      reason: 'Unreachable',
      ...words.tell('unreachable'),
      since: since.toISOString(),
    },
  ];
}

const pulls = new Set([
  'ImagePullBackOff',
  'ErrImagePull',
  'InvalidImageName',
  'ImageInspectError',
  'RegistryUnavailable',
]);

/**
 * What the pods of a revision say together (FR-006r): all ready: ready; some: degraded; one crashing or failed and none ready: failed; else
 * starting, with the reason. Without pods the Deployment tells. Pods that are being deleted do not count. Pure.
 */
export function observationOf(
  deployment: DeploymentLike | null,
  pods: readonly PodLike[],
  alternatives: readonly string[],
): Observation {
  const wanted = deployment?.spec?.replicas ?? null;
  const here = pods.filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
  const ready = here.filter(isReady).length;
  const conditions = unique([
    ...here.flatMap((pod) => conditionsOfPod(pod, alternatives)),
    ...conditionsOfDeployment(deployment),
  ]);
  const total = wanted ?? here.length;
  const replicas = { total, ready, available: deployment?.status?.availableReplicas ?? ready };
  const past = conditions.some(({ reason }) => reason === 'ProgressDeadlineExceeded');
  const broken = here.some(isBroken) || past;
  if (deployment === null && here.length === 0) return { phase: 'absent', replicas, conditions };
  if (wanted === 0) return { phase: 'stopped', replicas: { ...replicas, total: 0 }, conditions };
  if (ready > 0) return { phase: ready >= total && !broken ? 'ready' : 'degraded', replicas, conditions };
  return { phase: broken ? 'failed' : 'starting', replicas, conditions };
}

const isReady = ({ status }: PodLike) =>
  status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;

const containersOf = ({ status }: PodLike) => [
  ...(status?.initContainerStatuses ?? []),
  ...(status?.containerStatuses ?? []),
];

/** An image that cannot be pulled is not broken yet: it may appear until the progress deadline. */
function isBroken(pod: PodLike): boolean {
  if (pod.status?.phase === 'Failed') return true;
  return containersOf(pod).some(
    ({ state }) => state?.waiting?.reason === 'CrashLoopBackOff' || isFault(state?.terminated),
  );
}

const isFault = (terminated: StateLike['terminated']) => terminated !== undefined && terminated.exitCode !== 0;

function conditionsOfPod(pod: PodLike, alternatives: readonly string[]): Condition[] {
  const found: Condition[] = [];
  const scheduled = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status === 'False') {
    found.push({
      type: 'Scheduled',
      reason: scheduled.reason ?? 'Unschedulable',
      ...together(spoken(scheduled.message) ?? words.tell('no_node'), remedyOfScheduler(scheduled.message ?? '')),
      since: time(scheduled.lastTransitionTime),
    });
  }
  for (const container of containersOf(pod)) {
    const condition = conditionOfContainer(container, alternatives);
    if (condition !== null) found.push({ ...condition, since: time(pod.metadata?.creationTimestamp) });
  }
  const lost = conditionOfNode(pod);
  if (lost !== null) found.push(lost);
  if (pod.status?.phase === 'Failed' && found.length === 0) {
    found.push({
      type: 'Pod',
      reason: pod.status.reason ?? 'Failed',
      ...together(words.tell('pod_failed'), spoken(pod.status.message) ?? {}),
      since: time(pod.metadata?.creationTimestamp),
    });
  }
  return found;
}

/** Of a node that tells nothing any more the cluster takes back that its pods are ready, and leaves what their containers said last. */
function conditionOfNode({ metadata, spec, status }: PodLike): Condition | null {
  const readiness = status?.conditions?.find(({ type }) => type === 'Ready');
  const containers = status?.containerStatuses ?? [];
  const said = containers.length > 0 && containers.every(({ ready }) => ready);
  if (readiness?.status !== 'False' || readiness.reason || !said || spec?.nodeName === undefined) return null;
  return {
    type: 'Node',
    reason: 'NodeLost',
    ...words.tell('node_lost', { node: spec.nodeName, pod: metadata?.name ?? '' }),
    since: time(readiness.lastTransitionTime),
  };
}

function conditionOfContainer(
  container: ContainerLike,
  alternatives: readonly string[],
): Omit<Condition, 'since'> | null {
  const { state, lastState, name, image, restartCount, ready } = container;
  const waiting = state?.waiting?.reason;
  if (waiting !== undefined && pulls.has(waiting)) {
    const others = alternatives.filter((other) => other !== image);
    const told = words.tell('image', { image: image ?? words.line('the_image') });
    const said = together(told, spoken(state?.waiting?.message) ?? {});
    return {
      type: 'Image',
      reason: waiting,
      ...together(said, others.length > 0 ? words.tell('image_others', { others }) : {}),
    };
  }
  const ended = state?.terminated ?? lastState?.terminated;
  if (ended?.reason === 'OOMKilled') {
    return {
      type: 'Container',
      reason: 'OOMKilled',
      ...words.tell('memory', { container: name, times: restartCount }),
    };
  }
  if (waiting === 'CrashLoopBackOff' || (isFault(ended) && !ready)) {
    const facts = { container: name, code: ended?.exitCode ?? '?', restarts: restartCount };
    return {
      type: 'Container',
      reason: waiting ?? ended?.reason ?? 'Error',
      ...(ended?.message ? words.tell('crash_said', { ...facts, cause: ended.message }) : words.tell('crash', facts)),
    };
  }
  if (waiting === 'CreateContainerConfigError') {
    return {
      type: 'Container',
      reason: waiting,
      ...together(words.tell('configuration', { container: name }), spoken(state?.waiting?.message) ?? {}),
    };
  }
  if (state?.running !== undefined && !ready) {
    return {
      type: 'Container',
      reason: 'NotReady',
      ...words.tell('not_ready', { container: name }),
    };
  }
  return null;
}

function conditionsOfDeployment(deployment: DeploymentLike | null): Condition[] {
  return (deployment?.status?.conditions ?? []).flatMap(({ type, status, reason, message, lastTransitionTime }) => {
    const since = time(lastTransitionTime);
    if (type === 'ReplicaFailure' && status === 'True') {
      const quota = /exceeded quota/.test(message ?? '');
      return [
        {
          type: 'Replicas',
          reason: quota ? 'QuotaExceeded' : (reason ?? 'FailedCreate'),
          message: message ?? '',
          ...words.tell(quota ? 'quota' : 'policy'),
          since,
        },
      ];
    }
    if (type === 'Progressing' && reason === 'ProgressDeadlineExceeded') {
      return [{ type: 'Rollout', reason, ...together(words.tell('deadline'), spoken(message) ?? {}), since }];
    }
    return [];
  });
}

/** Words of the cluster, which stay as they are; null: it said nothing. */
const spoken = (message: string | undefined) => (message === undefined ? null : { message, said: undefined });

/** What would make the scheduler find a node, from its own words. */
function remedyOfScheduler(message: string) {
  const steps: Sentence[] = [];
  const step = (code: Parameters<typeof words.tell>[0] & `schedule_${string}`) => steps.push(words.line(code));
  if (/Insufficient nvidia\.com\/gpu/.test(message)) step('schedule_gpu');
  if (/Insufficient cpu/.test(message)) step('schedule_cpu');
  if (/Insufficient memory/.test(message)) step('schedule_memory');
  if (/didn't match Pod's node affinity\/selector/.test(message)) step('schedule_type');
  if (/untolerated taint/.test(message)) step('schedule_taint');
  if (/too many pods/i.test(message)) step('schedule_pods');
  if (steps.length === 0) step('schedule_capacity');
  return words.tell('schedule', { steps });
}

const time = (at: Date | string | undefined) => (at === undefined ? new Date(0) : new Date(at)).toISOString();

/** One of a kind: ten pods with the same trouble tell it once, since the first. */
function unique(conditions: readonly Condition[]): Condition[] {
  const kept = new Map<string, Condition>();
  for (const condition of conditions) {
    const key = `${condition.type} ${condition.reason}`;
    const known = kept.get(key);
    if (known === undefined || condition.since < known.since) kept.set(key, condition);
  }
  return [...kept.values()];
}
