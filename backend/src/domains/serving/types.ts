import type { Environment } from '@llm-ops/contracts';
import type { Catalog } from '#domains/catalog';
import type { Autoscale, Observation, RevisionSpec } from '#ports/runtime';
import type { Tolerance } from './rollout/judge.ts';

export type { Condition } from '#ports/runtime';

export type Visibility = 'team' | 'organization';
export type Resources = RevisionSpec['resources'];
export type Replicas = Observation['replicas'];

export type EndpointStatus = 'deploying' | 'healthy' | 'degraded' | 'failed' | 'stopped' | 'deleting';
export type RevisionPosition = 'pending' | 'starting' | 'verifying' | 'live' | 'draining' | 'retired' | 'failed';
export type RevisionReason = 'deploy' | 'redeploy' | 'rollback' | 'promote' | 'patch';

export type AutoscalePolicy = Autoscale;

/** What a revision stores: the port's shape and what only clusters read. */
export interface ServingSpec extends RevisionSpec {
  imagePullPolicy: NonNullable<RevisionSpec['imagePullPolicy']>;
  /** aibrix: a model of an organization, whatever else is configured */
  deploymentMode: 'raw' | 'kserve' | 'aibrix' | null;
  probes: NonNullable<RevisionSpec['probes']> | null;
  /** resources that the request named; the others follow the settings when `useGpu` changes */
  asked: Partial<Resources>;
}

/** What serving needs of the catalog. */
export type ServingCatalog = Pick<Catalog, 'deployable' | 'getForServing' | 'hold'>;

export interface ServingConfig {
  /** by whether a GPU is used: SERVING_* and SERVING_CPU_ONLY_* */
  resources: { gpu: Resources; cpuOnly: Resources };
  /** USE_GPU */
  useGpu: boolean;
  /** SERVING_RUNTIME_IMAGE */
  runtimeImage: string;
  /** which of the runtimes serves models that are not external, unless a request's deploymentMode names another */
  internalRuntime: string;
  /** environments whose new revisions must answer a test completion before they take traffic */
  verify: readonly Environment[];
  /** environments where what others change of applied objects is put back */
  repairDrift: readonly Environment[];
  /**
   * How long a revision that took the traffic is compared with the one before, which stays meanwhile; how often two revisions are
   * compared, also those that share the traffic; and what is tolerated where the deployment does not say.
   */
  watch: { ms: number; everyMs: number } & Tolerance;
  /** how long an old revision stays after the traffic left it; longer while it still answers, up to `drainMaxMs` */
  drainMs: number;
  drainMaxMs: number;
  rolloutTimeoutMs: number;
  reconcileIntervalMs: number;
  /** of a new revision: so many failures, or one that lasts so long, end its rollout */
  crash: { limit: number; settleMs: number };
  verification: { attempts: number; timeoutMs: number; prompt: string };
  /** `lastHealthCheck` of an otherwise unchanged endpoint is written this often */
  healthEveryMs: number;
  /** APPROVAL_FOUR_EYES: a change of prod is approved by somebody else than who submitted it */
  fourEyes: boolean;
  /** of the platform itself; they are taken out of what is shown of logs, events and manifests */
  secrets: readonly string[];
}
