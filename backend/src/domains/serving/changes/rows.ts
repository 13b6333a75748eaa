import type { ChangeRequest } from '@llm-ops/contracts';
import type { Prepared } from '../endpoints/wanted.ts';
import type { ChangeRow } from '../store/changes.ts';
import { json } from '../store/endpoints.ts';
import { digestOfWanted } from './examine.ts';

/** What a row says of the change, whoever makes it. */
export function described(change: Prepared, request: ChangeRequest) {
  const { draft, over, sourceEndpointId, rollbackPlan } = change;
  return {
    request: json(change.stored ?? request),
    plan: request.change ? json(request.change) : null,
    parity_note: request.parityNote?.trim() || null,
    rollback_plan: rollbackPlan,
    wanted_digest: digestOfWanted(change),
    endpoint_id: over?.id ?? null,
    source_endpoint_id: sourceEndpointId,
    model_id: draft.model.id,
    model_name: draft.model.name,
    model_version: draft.model.version,
    artifact_digest: draft.artifactDigest,
  };
}

/** What a row is. */
export function identified(id: string, change: Prepared, by: string) {
  const { kind, draft, team, project, visibility } = change;
  const { environment, route } = draft.spec;
  const about = { kind, environment, route, name: draft.name, team, project, visibility };
  return { id, ...about, submitted_by: by, created_by: by };
}

/** What policies may match of it. */
export const about = (row: ChangeRow) => ({
  type: 'endpoint',
  ...(row.endpoint_id === null ? {} : { id: row.endpoint_id }),
  name: row.name,
  route: row.route,
  environment: row.environment,
  team: row.team,
  owner_team: row.team,
  project: row.project,
  modelId: row.model_id,
  modelName: row.model_name,
  version: row.model_version,
});
