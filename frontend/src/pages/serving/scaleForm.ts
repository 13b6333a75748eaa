import type { BodyOf, Endpoint, servingRoutes } from '@llm-ops/contracts';

type Policy = NonNullable<BodyOf<(typeof servingRoutes)['deployEndpoint']>['autoscalePolicy']>;

export const shares = ['cpuUtilization', 'memoryUtilization', 'gpuUtilization'] as const;

/** How many replicas, and by what their number grows and shrinks, as it is typed. */
export interface ScaleForm extends Record<(typeof shares)[number] | 'targetLatencyMs', number | undefined> {
  minReplicas: number | undefined;
  maxReplicas: number | undefined;
  /** as the metrics API names it; empty: none */
  metricName: string;
  metricTarget: string;
  scaleDownDelay: string;
}

export const emptyScale = (): ScaleForm => scaleOf({ minReplicas: 1, maxReplicas: 1, autoscalePolicy: null });

export function scaleOf(endpoint: Pick<Endpoint, 'minReplicas' | 'maxReplicas' | 'autoscalePolicy'>): ScaleForm {
  const { minReplicas, maxReplicas, autoscalePolicy } = endpoint;
  const { metric, ...goals } = autoscalePolicy ?? {};
  return {
    minReplicas,
    maxReplicas,
    cpuUtilization: goals.cpuUtilization,
    memoryUtilization: goals.memoryUtilization,
    gpuUtilization: goals.gpuUtilization,
    targetLatencyMs: goals.targetLatencyMs,
    metricName: metric?.name ?? '',
    metricTarget: metric?.target ?? '',
    scaleDownDelay: metric?.scaleDownDelay ?? '',
  };
}

/** The goals that were typed; null: none, so that the platform's own hold. One number of replicas is never changed by a goal. */
export function policyOf(form: ScaleForm): Policy | null {
  const { minReplicas = 1, maxReplicas = minReplicas } = form;
  if (maxReplicas <= minReplicas) return null;
  const goals = ([...shares, 'targetLatencyMs'] as const)
    .filter((name) => typeof form[name] === 'number')
    .map((name) => [name, form[name]]);
  const [name, target, delay] = [form.metricName.trim(), form.metricTarget.trim(), form.scaleDownDelay.trim()];
  const metric =
    name === '' && target === ''
      ? {}
      : { metric: { name, target, ...(delay === '' ? {} : { scaleDownDelay: delay }) } };
  const policy = { ...(Object.fromEntries(goals) as Policy), ...metric };
  return Object.keys(policy).length === 0 ? null : policy;
}

/** What a change of the scaling sends: a policy that was emptied is taken away. */
export const scalePatch = (form: ScaleForm) => ({
  minReplicas: form.minReplicas ?? 1,
  maxReplicas: form.maxReplicas ?? form.minReplicas ?? 1,
  autoscalePolicy: policyOf(form),
});
