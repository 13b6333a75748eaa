import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Access, Decision } from '#platform/access';
import { failure, isFailure, type Failure } from '#platform/errors';
import type { RawHandler } from '#platform/http';
import type { HandlerDeps } from './deps.ts';
import { forward } from './forward.ts';
import { sendEnvelope, sendFailure, sendJson } from './replies.ts';
import { checkBody, isInferencePath, matchPath, pinnedEnvironments, readBody, type Matched } from './request.ts';
import type { Resolution, ResolvedTarget, ResolveOptions } from '#domains/serving';

/** The inference path: straight on `node:http`, from memory to the engine and back; it never waits for the database. */
export function createHandler(deps: HandlerDeps): RawHandler {
  return {
    matches: isInferencePath,
    handle(request, response, requestId) {
      void answer(deps, request, response, requestId);
    },
  };
}

async function answer(
  deps: HandlerDeps,
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
): Promise<void> {
  const headers = { 'x-request-id': requestId };
  const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
  let matched: Matched = {
    face: path.startsWith('/v1') ? 'openai' : 'envelope',
    operation: 'unknown',
    name: null,
    methods: [],
  };
  let user: string | null = null;
  try {
    matched = matchPath(path);
    if (matched.operation === 'unknown') throw failure('route_unknown');
    if (!matched.methods.includes(request.method ?? ''))
      throw failure('method_not_allowed', { headers: { allow: matched.methods.join(', ') } });
    const identity = await deps.authenticate(request);
    if (identity === null) throw failure('unauthenticated');
    user = identity.userId;
    const access = deps.accessFor(identity);
    if (matched.operation === 'models') return listModels(deps, access, response, headers);
    if (matched.operation === 'model') return showModel(deps, access, matched.name!, response, headers);
    const options = { pinned: pinnedEnvironments(request, identity), sees: access.sees };
    if (matched.operation === 'health') return health(deps, access, matched.name!, options, response, headers);

    const body = await readBody(request, deps.bodyLimit);
    checkBody(matched, body.value);
    const name = matched.name ?? (body.value['model'] as string);
    requireName(deps, access, name, requestId);
    const target = reachable(name, await resolve(deps, name, options));
    requireTarget(deps, access, target, requestId);
    await forward(deps, {
      request,
      response,
      requestId,
      identity,
      face: matched.face,
      operation: matched.operation,
      target,
      body,
    });
  } catch (error) {
    // What is still coming of the body would hold the connection, so this answer is its last, and says so: a client that went on using
    // it would see its next request break off.
    const unread = !request.complete;
    const sent = sendFailure(response, matched.face, error, unread ? { ...headers, connection: 'close' } : headers);
    const entry = {
      errorId: sent.errorId,
      code: sent.failure.code,
      requestId,
      method: request.method,
      path,
      user,
      category: sent.status < 500 ? 'client_error' : 'server_error',
    };
    if (sent.status >= 500)
      deps.log.error(
        { ...entry, err: isFailure(error) ? (error.cause ?? error.message) : error },
        sent.failure.message,
      );
    else deps.log.info(entry, sent.failure.message);
    if (unread) response.once('finish', () => request.destroy());
  }
}

/** An API key may be held to some names. */
function requireName(deps: HandlerDeps, access: Access, name: string, requestId: string): void {
  const { identity } = access;
  requireInference(access);
  if (identity.routes === null || identity.routes.includes(name)) return;
  deps.denied(identity, name, 'api-key', requestId);
  throw failure('permission_denied', {
    message: `This API key may not call "${name}".`,
    remedy: `Use a key whose routes hold "${name}".`,
    data: { rule: 'api-key' },
  });
}

interface RouteFacts {
  name: string;
  environment: ResolvedTarget['environment'];
  team: string;
  modelName: string;
}

/** What policies match on, for a call of this route. */
const resourceOf = ({ name, environment, team, modelName }: RouteFacts) => ({
  type: 'route',
  name,
  environment,
  team,
  owner_team: team,
  model_name: modelName,
});

/** Rows that the caller cannot see were left out by the table; what a policy denies is denied by name. */
function requireTarget(deps: HandlerDeps, access: Access, target: ResolvedTarget, requestId: string): void {
  const { environment, routeName: name, team, modelName } = target;
  const decision = access.decide('inference:call', resourceOf({ name, environment, team, modelName }), environment);
  if (decision.allowed) return;
  deps.denied(access.identity, name, decision.rule, requestId);
  throw denial(decision);
}

function denial(decision: Decision): Failure {
  const remedy = decision.remedy === null ? {} : { remedy: decision.remedy };
  return failure('permission_denied', { message: decision.reason, ...remedy, data: { rule: decision.rule } });
}

function requireInference(access: Access): void {
  const decision = access.decide('inference:call');
  if (!decision.allowed) throw denial(decision);
}

async function resolve(deps: HandlerDeps, name: string, options: ResolveOptions): Promise<Resolution> {
  const known = deps.table.resolve(name, { ...options, random: Math.random() });
  if (known.kind !== 'unknown' || !(await deps.lookAgain())) return known;
  return deps.table.resolve(name, { ...options, random: Math.random() });
}

function reachable(name: string, resolution: Resolution): ResolvedTarget {
  if (resolution.kind === 'target') return resolution;
  if (resolution.kind === 'disabled')
    throw failure('registration_disabled', { message: `"${name}" is registered but disabled.` });
  if (resolution.kind === 'unknown') throw failure('route_not_found', { message: `No route is called "${name}".` });
  throw failure('endpoint_unavailable', {
    message: `"${name}" in ${resolution.environment} is ${resolution.status}: ${resolution.reason}`,
    headers: { 'retry-after': '5' },
  });
}

function health(
  deps: HandlerDeps,
  access: Access,
  name: string,
  options: ResolveOptions,
  response: ServerResponse,
  headers: Record<string, string>,
): void {
  requireName(deps, access, name, headers['x-request-id'] ?? '');
  const found = deps.table.health(name, options);
  if (found.kind !== 'health') {
    reachable(name, found);
    return;
  }
  const data = { status: found.status, timestamp: deps.now().toISOString(), model: found.model };
  sendEnvelope(response, data, { ...headers, 'x-llmops-environment': found.environment });
}

interface ListedModel {
  id: string;
  object: 'model';
  created: number;
  owned_by: string;
}

function visibleModels(deps: HandlerDeps, access: Access): ListedModel[] {
  const { identity } = access;
  const models = new Map<string, ListedModel>();
  for (const { name, environment, team, model, createdAt } of deps.table.list({
    pinned: identity.environments,
    sees: access.sees,
  })) {
    if (identity.routes !== null && !identity.routes.includes(name)) continue;
    const resource = resourceOf({ name, environment, team, modelName: model.name });
    if (!access.decide('inference:call', resource, environment).allowed || models.has(name)) continue;
    models.set(name, { id: name, object: 'model', created: Math.floor(createdAt.getTime() / 1000), owned_by: team });
  }
  return [...models.values()];
}

function listModels(
  deps: HandlerDeps,
  access: Access,
  response: ServerResponse,
  headers: Record<string, string>,
): void {
  requireInference(access);
  sendJson(response, 200, { object: 'list', data: visibleModels(deps, access) }, headers);
}

function showModel(
  deps: HandlerDeps,
  access: Access,
  name: string,
  response: ServerResponse,
  headers: Record<string, string>,
): void {
  requireInference(access);
  const model = visibleModels(deps, access).find((candidate) => candidate.id === name);
  if (model === undefined) throw failure('route_not_found', { message: `No route is called "${name}".` });
  sendJson(response, 200, model, headers);
}
