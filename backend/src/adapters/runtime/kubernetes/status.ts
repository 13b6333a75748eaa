import type { Condition, Observation } from '#ports/runtime';

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
      message: 'The Kubernetes API cannot be reached; what is shown is what was seen last.',
      remedy: 'See whether the cluster runs and KUBECONFIG_PATH is right; it is tried again by itself.',
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
      message: scheduled.message ?? 'No node takes this pod.',
      remedy: remedyOfScheduler(scheduled.message ?? ''),
      since: time(scheduled.lastTransitionTime),
    });
  }
  for (const container of containersOf(pod)) {
    const condition = conditionOfContainer(container, alternatives);
    if (condition !== null) found.push({ ...condition, since: time(pod.metadata?.creationTimestamp) });
  }
  if (pod.status?.phase === 'Failed' && found.length === 0) {
    found.push({
      type: 'Pod',
      reason: pod.status.reason ?? 'Failed',
      message: pod.status.message ?? 'The pod failed.',
      remedy: 'See the events and logs of the pod.',
      since: time(pod.metadata?.creationTimestamp),
    });
  }
  return found;
}

function conditionOfContainer(
  container: ContainerLike,
  alternatives: readonly string[],
): Omit<Condition, 'since'> | null {
  const { state, lastState, name, image, restartCount, ready } = container;
  const waiting = state?.waiting?.reason;
  if (waiting !== undefined && pulls.has(waiting)) {
    const others = alternatives.filter((other) => other !== image);
    return {
      type: 'Image',
      reason: waiting,
      message: state?.waiting?.message ?? `${image ?? 'The image'} cannot be pulled.`,
      remedy: `Check the name and tag, and whether the cluster may pull it (IMAGE_PULL_SECRETS)${others.length > 0 ? `; or redeploy with ${others.join(' or ')}` : ''}.`,
    };
  }
  const ended = state?.terminated ?? lastState?.terminated;
  if (ended?.reason === 'OOMKilled') {
    return {
      type: 'Container',
      reason: 'OOMKilled',
      message: `Container ${name} used more memory than its limit and was ended, ${restartCount} times so far.`,
      remedy: 'Raise memoryLimit, or choose a smaller model, a shorter context or a quantised variant.',
    };
  }
  if (waiting === 'CrashLoopBackOff' || (isFault(ended) && !ready)) {
    return {
      type: 'Container',
      reason: waiting ?? ended?.reason ?? 'Error',
      message: `Container ${name} ended with exit code ${ended?.exitCode ?? 'unknown'}, ${restartCount} restarts so far${ended?.message ? `: ${ended.message}` : ''}.`,
      remedy:
        'Read its last lines under Logs; arguments that the image does not know and a missing model are the usual causes.',
    };
  }
  if (waiting === 'CreateContainerConfigError') {
    return {
      type: 'Container',
      reason: waiting,
      message: state?.waiting?.message ?? `Container ${name} refers to a secret or config map that is not there.`,
      remedy:
        'The platform makes the object store secret and config map of a namespace by itself: see whether it may (RBAC).',
    };
  }
  if (state?.running !== undefined && !ready) {
    return {
      type: 'Container',
      reason: 'NotReady',
      message: `Container ${name} runs and does not answer its readiness probe yet.`,
      remedy: 'Large models load for minutes. If it stays, compare the probe paths with what the image serves.',
    };
  }
  return null;
}

function conditionsOfDeployment(deployment: DeploymentLike | null): Condition[] {
  return (deployment?.status?.conditions ?? []).flatMap(({ type, status, reason, message, lastTransitionTime }) => {
    const since = time(lastTransitionTime);
    if (type === 'ReplicaFailure' && status === 'True') {
      const quota = /exceeded quota/.test(message ?? '');
      const remedy = quota
        ? 'Ask for less, remove another endpoint of this environment, or have the quota of the namespace raised.'
        : 'See the message of the cluster; a policy of the namespace may forbid these pods.';
      return [
        {
          type: 'Replicas',
          reason: quota ? 'QuotaExceeded' : (reason ?? 'FailedCreate'),
          message: message ?? '',
          remedy,
          since,
        },
      ];
    }
    if (type === 'Progressing' && reason === 'ProgressDeadlineExceeded') {
      const remedy = 'See the other conditions for what holds it up; redeploy when that is mended.';
      return [
        { type: 'Rollout', reason, message: message ?? 'The rollout made no progress in its time.', remedy, since },
      ];
    }
    return [];
  });
}

/** What would make the scheduler find a node, from its own words. */
function remedyOfScheduler(message: string): string {
  const remedies: string[] = [];
  if (/Insufficient nvidia\.com\/gpu/.test(message))
    remedies.push('ask for fewer GPUs (gpuCount), wait until some are free, or deploy with useGpu=false');
  if (/Insufficient cpu/.test(message)) remedies.push('lower cpuRequest');
  if (/Insufficient memory/.test(message)) remedies.push('lower memoryRequest');
  if (/didn't match Pod's node affinity\/selector/.test(message))
    remedies.push('choose a gpuType that a node has, or leave it out');
  if (/untolerated taint/.test(message)) remedies.push('see which taints keep this namespace off the nodes');
  if (/too many pods/i.test(message)) remedies.push('add nodes');
  const text = remedies.length === 0 ? 'see the capacity of the nodes' : remedies.join('; ');
  return `${text[0]!.toUpperCase()}${text.slice(1)}.`;
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
