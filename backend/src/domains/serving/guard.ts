import type { Environment, Permission } from '@llm-ops/contracts';
import type { ServableModel } from '#domains/catalog';
import type { Access } from '#platform/access';
import { failure } from '#platform/errors';
import type { EndpointWithTarget } from './store/endpoints.ts';

/** What policies may match of an endpoint. */
const resourceOf = (row: EndpointWithTarget) => ({
  type: 'endpoint',
  id: row.id,
  name: row.name,
  route: row.route,
  environment: row.environment,
  status: row.status,
  team: row.team,
  owner_team: row.team,
  project: row.project,
  modelId: row.model_id,
  modelName: row.model_name,
  version: row.version,
});

/** Throws `environment_not_allowed` when only the environment is in the way, `permission_denied` otherwise. */
export function requireDeploy(access: Access, resource: Record<string, unknown>, environment: Environment): void {
  const about = { ...resource, type: 'endpoint', environment };
  const decision = access.decide('endpoint:deploy', about, environment);
  if (decision.allowed) return;
  if (decision.rule !== 'environment') return access.require('endpoint:deploy', about, environment);
  throw failure('environment_not_allowed', {
    message: decision.reason,
    ...(decision.remedy === null ? {} : { remedy: decision.remedy }),
    data: { rule: decision.rule, environment },
  });
}

/** The row, when this identity may know of it and do that to it: 404 for another team's, 403 with the rule for a policy. */
export function admitted(
  access: Access,
  row: EndpointWithTarget | null,
  permission: Permission = 'endpoint:read',
): EndpointWithTarget {
  if (!row) throw failure('endpoint_not_found');
  if (!access.sees({ team: row.team, visibility: row.visibility, createdBy: row.created_by })) {
    throw failure('endpoint_not_found', { hidden: true });
  }
  if (permission === 'endpoint:deploy') requireDeploy(access, resourceOf(row), row.environment);
  else access.require(permission, resourceOf(row), row.environment);
  return row;
}

/** Throws `model_not_found` for another team's model, `permission_denied` for what a policy keeps from this identity. */
export function requireModel(access: Access, model: ServableModel): void {
  const { id, name, version, status, ownerTeam, project, metadata } = model;
  if (!access.sees({ team: ownerTeam, visibility: model.visibility, createdBy: model.createdBy })) {
    throw failure('model_not_found', { hidden: true });
  }
  const about = { id, name, version, status, team: ownerTeam, owner_team: ownerTeam, project, metadata };
  access.require('model:read', { ...about, type: 'model' });
}

/** Whose the endpoint is: of the model's team when the caller is in it, else of the caller's first. */
export function teamFor(access: Access, model: ServableModel): string {
  const { teams } = access.identity;
  return teams === '*' || teams.includes(model.ownerTeam) ? model.ownerTeam : (teams[0] ?? model.ownerTeam);
}
