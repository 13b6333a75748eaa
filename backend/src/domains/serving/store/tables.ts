import type {
  canaryStates,
  Change,
  ChangePlan,
  ChangeRequest,
  ChangeReview,
  ChangeStatus,
  Environment,
  retryCauses,
} from '@llm-ops/contracts';
import type { ColumnType, Generated } from 'kysely';
import type { DriftRecord } from '../rollout/drift.ts';
import type { Comparison } from '../rollout/judge.ts';
import type {
  AutoscalePolicy,
  Condition,
  EndpointStatus,
  Replicas,
  RevisionPosition,
  RevisionReason,
  ServingSpec,
  Visibility,
} from '../types.ts';

type Json<T> = ColumnType<T, string, string>;
type JsonDefault<T> = ColumnType<T, string | undefined, string>;
type JsonOrNull<T> = ColumnType<T | null, string | null | undefined, string | null>;
type Moment = ColumnType<Date | null, Date | null | undefined, Date | null>;

interface EndpointTable {
  id: string;
  name: string;
  route: string;
  environment: Environment;
  team: string;
  project: string | null;
  visibility: Visibility;
  desired: ColumnType<'running' | 'stopped' | 'deleted', 'running' | 'stopped' | 'deleted' | undefined, string>;
  desired_reason: ColumnType<string | null, string | null | undefined, string | null>;
  target_revision: number;
  min_replicas: number;
  max_replicas: number;
  autoscale_policy: JsonOrNull<AutoscalePolicy>;
  prompt_policy_id: string | null;
  rollback_plan: string;
  generation: Generated<number>;
  live_revision: Generated<number>;
  status: EndpointStatus;
  replicas: JsonDefault<Replicas>;
  conditions: JsonDefault<Condition[]>;
  last_health_check: Moment;
  drift: JsonOrNull<DriftRecord>;
  created_by: string;
  created_at: Generated<Date>;
  updated_at: Generated<Date>;
  deleted_by: ColumnType<string | null, undefined, string | null>;
  deleted_at: Moment;
}

interface RevisionTable {
  id: string;
  endpoint_id: string;
  number: number;
  runtime: string;
  model_id: string;
  model_name: string;
  version: string;
  artifact_digest: string | null;
  spec: Json<ServingSpec>;
  reason: RevisionReason;
  rolled_back_to: number | null;
  parity_note: string | null;
  created_by: string;
  created_at: Generated<Date>;
}

interface RevisionStateTable {
  revision_id: string;
  state: RevisionPosition;
  phase: Generated<string>;
  message: ColumnType<string | null, string | null | undefined, string | null>;
  conditions: JsonDefault<Condition[]>;
  last_logs: JsonDefault<string[]>;
  crashes: Generated<number>;
  verify_attempts: Generated<number>;
  applied_generation: Generated<number>;
  remove_attempts: Generated<number>;
  failing_since: Moment;
  started_at: Moment;
  verified_at: Moment;
  live_at: Moment;
  draining_at: Moment;
  failed_at: Moment;
  retired_at: Moment;
  remove_after: Moment;
  removed_at: Moment;
}

export interface Target {
  endpointId: string;
  revision: number | null;
  weight: number;
  priority: number;
  /** rows of before 0007 have none */
  timeouts?: Timeouts | null;
}
export interface Timeouts {
  connectMs?: number | undefined;
  firstTokenMs?: number | undefined;
  idleMs?: number | undefined;
}
export type RetryCause = (typeof retryCauses)[number];
export interface Retry {
  attempts: number;
  on: RetryCause[];
}
export interface RouteLimits {
  requestsPerMinute?: number | undefined;
  tokensPerMinute?: number | undefined;
  defaultMaxTokens?: number | undefined;
}

interface RouteTable {
  id: string;
  name: string;
  environment: Environment;
  team: string;
  project: string | null;
  visibility: Visibility;
  enabled: boolean;
  targets: Json<Target[]>;
  retry: JsonDefault<Retry>;
  timeouts: JsonDefault<Timeouts>;
  cache: JsonOrNull<{ ttlSeconds: number }>;
  limits: JsonOrNull<RouteLimits>;
  capture: JsonDefault<{ content: boolean }>;
  created_by: string;
  created_at: Generated<Date>;
  updated_at: Generated<Date>;
}

interface CanaryTable {
  endpoint_id: string;
  revision: number;
  stable: number;
  state: ColumnType<CanaryState, CanaryState | undefined, CanaryState>;
  weight: Generated<string>;
  weight_since: Moment;
  steps: Json<number[]>;
  automatic: boolean;
  step_seconds: number;
  minimum_requests: number;
  more_errors: string;
  slower: string;
  reason: ColumnType<string | null, string | null | undefined, string | null>;
  message: ColumnType<string | null, string | null | undefined, string | null>;
  measured: JsonOrNull<Comparison>;
  created_by: string;
  created_at: Generated<Date>;
  ended_by: ColumnType<string | null, string | null | undefined, string | null>;
  ended_at: Moment;
}
type CanaryState = (typeof canaryStates)[number];

/** What was found of a change when it was submitted. */
export type Examined = Pick<ChangeReview, 'topology' | 'differences' | 'preflight' | 'manifests'>;

interface ChangeTable {
  id: string;
  kind: Change['kind'];
  status: ChangeStatus;
  version: Generated<number>;
  environment: Environment;
  name: string;
  route: string;
  team: string;
  project: string | null;
  visibility: Visibility;
  endpoint_id: string | null;
  source_endpoint_id: string | null;
  revision: ColumnType<number | null, number | null | undefined, number | null>;
  model_id: string;
  model_name: string;
  model_version: string;
  artifact_digest: string | null;
  request: Json<ChangeRequest>;
  plan: JsonOrNull<ChangePlan>;
  parity_note: string | null;
  rollback_plan: string;
  examined: Json<Examined>;
  wanted_digest: string;
  submitted_by: string;
  submitted_at: ColumnType<Date, Date | undefined, Date>;
  decided_by: ColumnType<string | null, string | null | undefined, string | null>;
  decided_at: Moment;
  notes: ColumnType<string | null, string | null | undefined, string | null>;
  applied_by: ColumnType<string | null, string | null | undefined, string | null>;
  applied_at: Moment;
  created_by: string;
  created_at: Generated<Date>;
}

interface VerificationTable {
  id: string;
  endpoint_id: string;
  revision: number;
  ok: boolean;
  message: string;
  latency_ms: number;
  completion: string | null;
  usage: JsonOrNull<Usage>;
  requested_by: string;
  at: Generated<Date>;
}

export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
}

// an alias: an interface could not be added to a database's tables
export type ServingTables = {
  endpoint: EndpointTable;
  revision: RevisionTable;
  revision_state: RevisionStateTable;
  route: RouteTable;
  verification: VerificationTable;
  canary: CanaryTable;
  change_request: ChangeTable;
};
