import type { Condition, Observation, Preflight, RevisionSpec } from '#ports/runtime';
import type { Census } from './cluster/census.ts';
import type { ClusterClient, ResourceKind } from './cluster/client.ts';
import { endpointNames, type Naming } from './cluster/events.ts';
import type { Deployment } from './cluster/objects.ts';
import { endpointObjects, revisionObjects, type ClusterPlan } from './plan.ts';
import { preflightOf } from './preflight.ts';
import type { ClusterConfig, Manifest } from './types.ts';

/** In what runtimes of Deployments differ: which objects there are, and where. */
export interface Flavour {
  kind: string;
  /** of labels: tells its objects from those of the other flavours */
  selector: string;
  plan(spec: RevisionSpec): ClusterPlan;
  namespaceOf(environment: string): string;
  /** what is applied beside Deployments, and followed to see what others change of it */
  owned: readonly ResourceKind[];
  /** What belongs to a revision, its Deployment last: while it is there, what else is left of a revision is found again. */
  revisionKinds: readonly ResourceKind[];
  /** What belongs to the endpoint as a whole. */
  endpointKinds: readonly ResourceKind[];
  /** Of events: whose an object is, by its name and what there is. `unnumbered`: the revision of names without a number, null: the endpoint's. */
  naming(deployments: () => Iterable<Deployment>): Naming;
  unnumbered: number | null;
  /** Before its objects: what they refer to. */
  prepare?(spec: RevisionSpec): Promise<void>;
  /** Kinds that the cluster does not know: objects of them are left out. */
  missing?(): Promise<ReadonlySet<string>>;
  /** What there is to say beside what is seen of its pods. */
  conditions?(seen: Observation): Condition[];
  preflight(spec: RevisionSpec): Promise<Preflight>;
  close?(): void;
}

export const modelLabel = 'model.aibrix.ai/name';

const autoscaler = { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler' };
const endpointKinds = [
  { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress' },
  { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget' },
  { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' },
  { apiVersion: 'v1', kind: 'Service' },
];

/** Plain objects in the namespace of the environment, scaled by an HPA. */
export function plainFlavour(deps: { client: ClusterClient; census: Census; config: ClusterConfig }): Flavour {
  const { config } = deps;
  return {
    kind: 'kubernetes',
    selector: `!${modelLabel}`,
    plan(spec) {
      const plan = revisionObjects(spec, config);
      if (spec.live !== true) return plan;
      return { ...plan, manifests: [...plan.manifests, ...endpointObjects(spec, config)] };
    },
    namespaceOf: (environment) => `${config.namespacePrefix}${environment}`,
    owned: [...endpointKinds, autoscaler],
    revisionKinds: [autoscaler, { apiVersion: 'v1', kind: 'Service' }, { apiVersion: 'apps/v1', kind: 'Deployment' }],
    endpointKinds,
    naming: () => endpointNames,
    unnumbered: null,
    preflight: (spec) => preflightOf(deps, spec),
  };
}

/** How many replicas a Deployment without an autoscaler is held to; it stands in the plan, so that another number is another plan. */
export const fixedReplicas = 'llm-ops.io/replicas';
export const isFixed = ({ metadata }: Manifest) => metadata.annotations?.[fixedReplicas] !== undefined;
