import type { Autoscale, RevisionSpec } from '#ports/runtime';
import { namesOf } from './names.ts';
import type { ClusterPlan } from './plan.ts';
import { labelsOf, podOf } from './pod.ts';
import type { ClusterConfig } from './types.ts';

export type KserveMode = 'RawDeployment' | 'Serverless';

/**
 * A revision as a KServe InferenceService (`serving.kserve.io/v1beta1`). KServe keeps one object an endpoint: a new revision changes it,
 * and `canary` is the share of the traffic that the change gets (Serverless alone). Pure.
 */
export function inferenceService(
  spec: RevisionSpec,
  options: { mode: KserveMode; autoscale: Autoscale | null; canary: number | null; stopped: boolean },
  config: ClusterConfig,
): ClusterPlan {
  const { mode, autoscale, canary, stopped } = options;
  const names = namesOf(spec, config);
  const pod = podOf(spec, names, config, 'kserve-container');
  const warnings = [...pod.warnings];
  if (canary !== null && mode === 'RawDeployment')
    warnings.push('KServe splits traffic in Serverless mode only; the gateway splits it here.');
  const { metric, target } = scaling(autoscale);
  return {
    warnings,
    manifests: [
      {
        apiVersion: 'serving.kserve.io/v1beta1',
        kind: 'InferenceService',
        metadata: {
          name: names.endpoint,
          namespace: names.namespace,
          labels: labelsOf(spec, names),
          annotations: {
            'serving.kserve.io/deploymentMode': mode,
            'llm-ops.io/route': spec.route,
            'llm-ops.io/model': `${spec.model.name} ${spec.model.version}`,
            'llm-ops.io/revision': spec.revisionId,
          },
        },
        spec: {
          predictor: {
            minReplicas: stopped ? 0 : spec.minReplicas,
            maxReplicas: stopped ? 0 : spec.maxReplicas,
            scaleMetric: metric,
            scaleTarget: target,
            ...(canary === null || mode === 'RawDeployment' ? {} : { canaryTrafficPercent: canary }),
            labels: pod.template.metadata.labels,
            ...pod.template.spec,
          },
        },
      },
    ],
  };
}

/** KServe scales by one number; the first that was asked for, as its documentation orders them. */
function scaling(autoscale: Autoscale | null): { metric: string; target: number } {
  if (autoscale?.cpuUtilization !== undefined) return { metric: 'cpu', target: autoscale.cpuUtilization };
  if (autoscale?.memoryUtilization !== undefined) return { metric: 'memory', target: autoscale.memoryUtilization };
  return { metric: 'cpu', target: 70 };
}
