import type { Autoscale, RevisionSpec } from '#ports/runtime';
import { namesOf } from '../names.ts';
import { servedNameAnnotation, type ClusterPlan } from '../plan.ts';
import { labelsOf, podOf, selectorOf } from '../pod.ts';
import type { ClusterConfig } from '../types.ts';

export type KserveMode = 'RawDeployment' | 'Serverless';

/** The first revision has the documents' own name, those beside it a suffix. */
export function inferenceServiceName(
  spec: Pick<RevisionSpec, 'endpointId' | 'number' | 'environment' | 'route'>,
  config: ClusterConfig,
): string {
  const names = namesOf(spec, config);
  return spec.number === 1 ? names.endpoint : names.revision;
}

/**
 * A revision as a KServe InferenceService (`serving.kserve.io/v1beta1`). KServe scales it, to 0 as well where the mode is Serverless, and
 * makes everything else. Pure.
 */
export function inferenceServiceOf(spec: RevisionSpec, mode: KserveMode, config: ClusterConfig): ClusterPlan {
  const names = namesOf(spec, config);
  const pod = podOf(spec, names, config, 'kserve-container');
  const labels = { ...labelsOf(spec, names), ...selectorOf(spec, names) };
  return {
    warnings: [...pod.warnings, ...unscaled(spec.autoscale ?? null)],
    refused: pod.refused,
    manifests: [
      {
        apiVersion: 'serving.kserve.io/v1beta1',
        kind: 'InferenceService',
        metadata: {
          name: inferenceServiceName(spec, config),
          namespace: names.namespace,
          labels,
          annotations: {
            'serving.kserve.io/deploymentMode': mode,
            'llm-ops.io/route': spec.route,
            'llm-ops.io/model': `${spec.model.name} ${spec.model.version}`,
            [servedNameAnnotation]: names.route,
          },
        },
        spec: {
          predictor: {
            minReplicas: spec.minReplicas,
            maxReplicas: spec.maxReplicas,
            ...scaling(spec.autoscale ?? null),
            // on the pods: by these they are found and told apart
            labels,
            ...pod.template.spec,
          },
        },
      },
    ],
  };
}

function unscaled(autoscale: Autoscale | null): string[] {
  const left = Object.entries(autoscale ?? {})
    .filter(([name, value]) => value !== undefined && name !== 'cpuUtilization' && name !== 'memoryUtilization')
    .map(([name]) => name);
  return left.length === 0
    ? []
    : [`KServe scales by CPU or memory here; ${left.join(', ')} hold on plain Deployments (deploymentMode raw) alone.`];
}

/** KServe scales by one number: the first that was asked for. */
function scaling(autoscale: Autoscale | null): { scaleMetric: string; scaleTarget: number } {
  if (autoscale?.cpuUtilization !== undefined) return { scaleMetric: 'cpu', scaleTarget: autoscale.cpuUtilization };
  if (autoscale?.memoryUtilization !== undefined)
    return { scaleMetric: 'memory', scaleTarget: autoscale.memoryUtilization };
  return { scaleMetric: 'cpu', scaleTarget: 70 };
}
