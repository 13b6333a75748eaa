import type { Autoscale, RevisionSpec, RuntimePlan } from '#ports/runtime';
import { namesOf, type Names } from './names.ts';
import { labelsOf, podOf, selectorOf } from './pod.ts';
import { servingPort, type ClusterConfig, type Manifest } from './types.ts';

/** what the pods call the model: the route's name */
export const servedNameAnnotation = 'llm-ops.io/served-name';

/** on what belongs to the endpoint: the revision that it was applied for */
export const liveRevisionAnnotation = 'llm-ops.io/live-revision';

export interface ClusterPlan {
  manifests: Manifest[];
  warnings: string[];
  refused: NonNullable<RuntimePlan['refused']>;
}

/** Objects of one revision on a plain cluster: its Deployment, the Service by which its pods are found, its HPA. Pure. */
export function revisionObjects(spec: RevisionSpec, config: ClusterConfig): ClusterPlan {
  const names = namesOf(spec, config);
  const pod = podOf(spec, names, config);
  const deployment: Manifest = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: meta(names.revision, spec, names, true),
    spec: {
      // the HPA owns the number of replicas: a manifest that named it would undo what it did
      selector: { matchLabels: selectorOf(spec, names) },
      revisionHistoryLimit: 2,
      progressDeadlineSeconds: Math.max(config.startupSeconds + 600, 600),
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      template: pod.template,
    },
  };
  return {
    warnings: pod.warnings,
    refused: pod.refused,
    manifests: [
      deployment,
      service(names.revision, selectorOf(spec, names), spec, names, true),
      hpa(spec, spec.autoscale ?? null, names),
    ],
  };
}

/** Objects of the endpoint whatever its revision: they follow the one that takes the traffic. */
export function endpointObjects(live: RevisionSpec, config: ClusterConfig): Manifest[] {
  const names = namesOf(live, config);
  const labels = { app: names.endpoint };
  return [
    service(names.service, selectorOf(live, names), live, names, false),
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: {
        ...meta(names.ingress, live, names),
        annotations: { 'nginx.ingress.kubernetes.io/rewrite-target': '/$2' },
      },
      spec: {
        ...(config.ingressClass === null ? {} : { ingressClassName: config.ingressClass }),
        rules: [
          {
            http: {
              paths: [
                {
                  path: `${escaped(live.route)}(/|$)(.*)`,
                  pathType: 'ImplementationSpecific',
                  backend: { service: { name: names.service, port: { number: servingPort } } },
                },
              ],
            },
          },
        ],
      },
    },
    {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: meta(names.endpoint, live, names),
      // with one replica, a budget that keeps it would keep its node from ever being drained
      spec: {
        selector: { matchLabels: labels },
        ...(live.minReplicas > 1 ? { minAvailable: 1 } : { maxUnavailable: 1 }),
      },
    },
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: meta(names.endpoint, live, names),
      spec: {
        podSelector: { matchLabels: labels },
        policyTypes: ['Ingress'],
        ingress: [
          {
            from: [
              { namespaceSelector: { matchLabels: { 'app.kubernetes.io/part-of': 'llm-ops' } } },
              { podSelector: {} },
            ],
            ports: [{ protocol: 'TCP', port: servingPort }],
          },
        ],
      },
    },
  ];
}

/** `own`: it is the revision's own and goes with it. */
function meta(name: string, spec: RevisionSpec, names: Names, own = false): Manifest['metadata'] {
  return {
    name,
    namespace: names.namespace,
    labels: { ...labelsOf(spec, names), ...(own ? selectorOf(spec, names) : {}) },
    annotations: {
      'llm-ops.io/route': spec.route,
      'llm-ops.io/model': `${spec.model.name} ${spec.model.version}`,
      [servedNameAnnotation]: names.route,
      ...(own ? {} : { [liveRevisionAnnotation]: spec.revisionId }),
    },
  };
}

function service(
  name: string,
  selector: Record<string, string>,
  spec: RevisionSpec,
  names: Names,
  headless: boolean,
): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: meta(name, spec, names, headless),
    spec: {
      ...(headless ? { clusterIP: 'None' } : { type: 'ClusterIP' }),
      selector,
      ports: [{ name: 'http', port: servingPort, targetPort: 'http', protocol: 'TCP' }],
    },
  };
}

/** `autoscaling/v2`; it exists also when there is nothing to scale, so that a later change is one of numbers. */
function hpa(spec: RevisionSpec, autoscale: Autoscale | null, names: Names): Manifest {
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: meta(spec.number === 1 ? names.hpa : `${names.hpa}-r${spec.number}`, spec, names, true),
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: names.revision },
      minReplicas: spec.minReplicas,
      maxReplicas: spec.maxReplicas,
      metrics: metricsOf(autoscale),
      behavior: {
        scaleUp: { stabilizationWindowSeconds: 0 },
        // a replica that loads for minutes is not given up for a short calm
        scaleDown: {
          stabilizationWindowSeconds: calmSeconds(autoscale?.metric?.scaleDownDelay),
          policies: [{ type: 'Pods', value: 1, periodSeconds: 60 }],
        },
      },
    },
  };
}

const mostCalmSeconds = 3600;

/** `1h30m`, `90s` in seconds; five minutes where nothing is said, an hour at most, as Kubernetes has it. */
export function calmSeconds(delay: string | undefined): number {
  if (delay === undefined) return 300;
  const [, hours = 0, minutes = 0, seconds = 0] = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(delay) ?? [];
  return Math.min(Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds), mostCalmSeconds);
}

export function metricsOf(autoscale: Autoscale | null): Record<string, unknown>[] {
  const resource = (name: string, percent: number | undefined) =>
    percent === undefined
      ? []
      : [{ type: 'Resource', resource: { name, target: { type: 'Utilization', averageUtilization: percent } } }];
  const pods = (name: string, average: string | undefined) =>
    average === undefined
      ? []
      : [{ type: 'Pods', pods: { metric: { name }, target: { type: 'AverageValue', averageValue: average } } }];
  const asked = [
    ...resource('cpu', autoscale?.cpuUtilization),
    ...resource('memory', autoscale?.memoryUtilization),
    ...pods('DCGM_FI_DEV_GPU_UTIL', autoscale?.gpuUtilization?.toString()),
    ...pods(
      'llm_ops_time_to_first_token_milliseconds',
      autoscale?.targetLatencyMs === undefined ? undefined : String(autoscale.targetLatencyMs),
    ),
    ...(autoscale?.metric === undefined ? [] : pods(autoscale.metric.name, autoscale.metric.target)),
  ];
  return asked.length > 0 ? asked : resource('cpu', 70);
}

const escaped = (route: string) => route.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
