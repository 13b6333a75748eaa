import { failure } from '#platform/errors';
import type { Reply } from '#platform/http';
import type { ResolveOptions } from '#domains/serving';
import type { HandlerDeps } from './deps.ts';
import { sendEnvelope, sendJson } from './replies.ts';
import { unreachable } from './resolve.ts';
import type { Rights } from './rights.ts';
import { words } from './sentences.ts';

interface ListedModel {
  id: string;
  object: 'model';
  created: number;
  owned_by: string;
}

type Headers = Readonly<Record<string, string>>;

function visibleModels({ table }: Pick<HandlerDeps, 'table'>, rights: Rights): ListedModel[] {
  const { identity, sees } = rights.access;
  const models = new Map<string, ListedModel>();
  for (const { name, environment, team, model, createdAt } of table.list({ pinned: identity.environments, sees })) {
    if (!rights.mayName(name) || models.has(name)) continue;
    if (!rights.decide({ name, environment, team, modelName: model.name }).allowed) continue;
    models.set(name, { id: name, object: 'model', created: Math.floor(createdAt.getTime() / 1000), owned_by: team });
  }
  return [...models.values()];
}

/** `GET /v1/models` */
export function listModels(deps: Pick<HandlerDeps, 'table'>, rights: Rights, reply: Reply, headers: Headers): void {
  rights.requireInference();
  sendJson(reply, 200, { object: 'list', data: visibleModels(deps, rights) }, headers);
}

/** `GET /v1/models/{model}` */
export function showModel(
  deps: Pick<HandlerDeps, 'table'>,
  rights: Rights,
  name: string,
  reply: Reply,
  headers: Headers,
): void {
  rights.requireInference();
  const model = visibleModels(deps, rights).find((candidate) => candidate.id === name);
  if (model === undefined) throw failure('route_not_found', words.tell('no_route', { name }));
  sendJson(reply, 200, model, headers);
}

/** `GET /llm-ops/v1/serve/{route}/health` */
export function showHealth(
  deps: Pick<HandlerDeps, 'table' | 'now'>,
  name: string,
  options: ResolveOptions,
  reply: Reply,
  headers: Headers,
): void {
  const found = deps.table.health(name, options);
  if (found.kind !== 'health') throw unreachable(name, found);
  const data = { status: found.status, timestamp: deps.now().toISOString(), model: found.model };
  sendEnvelope(reply, data, { ...headers, 'x-llmops-environment': found.environment });
}
