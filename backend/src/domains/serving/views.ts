import type { Change, DataOf, Endpoint, EndpointEvent, gatewayRoutes, servingRoutes } from '@llm-ops/contracts';
import { concealed, concealer } from './redact.ts';
import { runtimeName } from './spec.ts';
import type { EndpointWithTarget, RevisionRow } from './store/endpoints.ts';
import type { ChangeRow } from './store/changes.ts';
import type { RouteRow } from './store/routes.ts';

type RevisionView = DataOf<(typeof servingRoutes)['listRevisions']>[number];
type RouteView = DataOf<(typeof gatewayRoutes)['getRoute']>;
type RegistrationView = DataOf<(typeof gatewayRoutes)['getRegistration']>;

const time = (at: Date | null) => at?.toISOString() ?? null;

/** Model, image and resources are those of the wanted revision; `revision` is the one that takes the traffic. */
export function endpointView(row: EndpointWithTarget): Endpoint {
  return {
    id: row.id,
    modelId: row.model_id,
    modelName: row.model_name,
    version: row.version,
    environment: row.environment,
    route: row.route,
    status: row.desired === 'deleted' ? 'deleting' : row.status,
    minReplicas: row.min_replicas,
    maxReplicas: row.max_replicas,
    autoscalePolicy: row.autoscale_policy,
    promptPolicyId: row.prompt_policy_id,
    useGpu: row.spec.useGpu,
    runtime: runtimeName(row.runtime, row.spec),
    runtimeImage: row.spec.image,
    rollbackPlan: row.rollback_plan,
    lastHealthCheck: time(row.last_health_check),
    replicas: row.replicas,
    conditions: plainConditions(row),
    revision: row.live_revision,
    targetRevision: row.target_revision,
    team: row.team,
    createdBy: row.created_by,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}

/** What a container wrote before it ended stands in its condition. */
function plainConditions({ conditions, spec }: Pick<RevisionRow, 'conditions' | 'spec'>): RevisionRow['conditions'] {
  if (conditions.length === 0) return conditions;
  const plain = concealer(spec, []);
  return conditions.map((condition) => concealed(condition, plain));
}

const phases: Record<RevisionRow['state'], string> = {
  pending: 'Waiting to be started',
  starting: 'Starting beside what serves now',
  verifying: 'Ready; answering a test completion',
  live: 'Serving',
  draining: 'Finishing what it is answering',
  retired: 'Ended',
  failed: 'Given up; it got no traffic',
};

export function revisionView(row: RevisionRow): RevisionView {
  return {
    id: row.id,
    number: row.number,
    modelId: row.model_id,
    modelName: row.model_name,
    version: row.version,
    runtime: runtimeName(row.runtime, row.spec),
    runtimeImage: row.spec.image,
    useGpu: row.spec.useGpu,
    reason: row.reason,
    rolledBackTo: row.rolled_back_to,
    state: row.state,
    phase: row.state === 'failed' && row.live_at !== null ? 'Given up; the traffic went back' : phases[row.state],
    message: row.message,
    artifactDigest: row.artifact_digest,
    resources: row.spec.resources,
    conditions: plainConditions(row),
    createdBy: row.created_by,
    createdAt: row.created_at.toISOString(),
    liveAt: time(row.live_at),
    retiredAt: time(row.retired_at),
  };
}

/** Without what was asked for: that may hold values of variables. */
export function changeView(row: ChangeRow): Change {
  return {
    id: row.id,
    kind: row.kind,
    status: row.status,
    version: row.version,
    environment: row.environment,
    route: row.route,
    team: row.team,
    modelId: row.model_id,
    modelName: row.model_name,
    modelVersion: row.model_version,
    artifactDigest: row.artifact_digest,
    endpointId: row.endpoint_id,
    sourceEndpointId: row.source_endpoint_id,
    revision: row.revision,
    parityNote: row.parity_note,
    rollbackPlan: row.rollback_plan,
    plan: row.plan,
    submittedBy: row.submitted_by,
    submittedAt: row.submitted_at.toISOString(),
    decidedBy: row.decided_by,
    decidedAt: time(row.decided_at),
    notes: row.notes,
    appliedBy: row.applied_by,
    appliedAt: time(row.applied_at),
  };
}

const tellers = 'llm-ops';

/** What the platform did with a revision, as events beside those of the cluster. */
export function revisionEvents(row: RevisionRow): EndpointEvent[] {
  const event = (reason: string, message: string, at: Date | null, type: 'normal' | 'warning' = 'normal') =>
    at === null
      ? []
      : [
          {
            id: `${row.id} ${reason}`,
            type,
            reason,
            message,
            object: { kind: 'Revision', name: String(row.number) },
            revision: row.number,
            count: 1,
            firstSeen: at.toISOString(),
            lastSeen: at.toISOString(),
            source: tellers,
          },
        ];
  const what = `${row.model_name} ${row.version}${row.spec.image === '' ? '' : ` on ${row.spec.image}`}`;
  return [
    ...event('Created', `${row.created_by} asked for it (${row.reason}): ${what}.`, row.created_at),
    ...event('Started', 'It is started.', row.started_at),
    ...event('Verified', 'It answered the test completion.', row.verified_at),
    ...event('TookTraffic', 'It takes the traffic.', row.live_at),
    ...event('Failed', row.message ?? 'It was given up.', row.failed_at, 'warning'),
    ...event('Retired', 'It takes no traffic any more.', row.live_at === null ? null : row.retired_at),
    ...event('Removed', 'What ran for it is removed.', row.removed_at),
  ];
}

export function routeView(row: RouteRow): RouteView {
  return {
    id: row.id,
    name: row.name,
    team: row.team,
    environment: row.environment,
    enabled: row.enabled,
    targets: row.targets.map((target) => ({ ...target, timeouts: target.timeouts ?? null })),
    retry: row.retry,
    timeouts: row.timeouts,
    cache: row.cache,
    limits: row.limits,
    capture: row.capture,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}

export function registrationView(row: RouteRow): RegistrationView {
  return {
    name: row.name,
    endpointId: row.targets[0]!.endpointId,
    environment: row.environment,
    enabled: row.enabled,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}
