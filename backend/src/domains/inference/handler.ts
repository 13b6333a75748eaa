import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ResolvedRoute } from '#domains/serving';
import type { Identity } from '#platform/access';
import { failure, isFailure, type Failure } from '#platform/errors';
import { pathOf, type RawHandler } from '#platform/http';
import { uuidv7 } from '#platform/ids';
import { discardBody } from '#platform/uploads';
import type { Operation } from '#ports/provider';
import { createAdmit } from './admission.ts';
import type { HandlerDeps } from './deps.ts';
import { cacheKeyOf, readKept, replay } from './exchange/answers.ts';
import type { Call } from './exchange/call.ts';
import { exchange } from './exchange/exchange.ts';
import { listModels, showHealth, showModel } from './models.ts';
import { sendFailure } from './replies.ts';
import { readBody } from './request/body.ts';
import { checkBody } from './request/check.ts';
import { isInferencePath, matchPath, pinnedEnvironments, type Matched } from './request/path.ts';
import { resolveRoute } from './resolve.ts';
import { createRightsOf, denial, type Rights } from './rights.ts';

/** What is known of a request when it is refused. */
interface Progress {
  matched: Matched;
  path: string;
  requestId: string;
  identity: Identity | null;
  name: string | null;
  route: ResolvedRoute | null;
  streamed: boolean;
  started: number;
}

/** The inference path: straight on `node:http`, from memory to the engine and back; it never waits for the database. */
export function createHandler(deps: HandlerDeps): RawHandler {
  const rightsOf = createRightsOf(deps);
  const admit = createAdmit(deps);

  async function answer(request: IncomingMessage, response: ServerResponse, requestId: string): Promise<void> {
    const path = pathOf(request);
    const progress: Progress = {
      matched: { face: path.startsWith('/v1') ? 'openai' : 'envelope', operation: 'unknown', name: null, method: null },
      path,
      requestId,
      identity: null,
      name: null,
      route: null,
      streamed: false,
      started: performance.now(),
    };
    try {
      await go(request, response, progress);
    } catch (error) {
      refuse(request, response, progress, error);
    }
  }

  async function go(request: IncomingMessage, response: ServerResponse, progress: Progress): Promise<void> {
    const { requestId } = progress;
    const matched = (progress.matched = matchPath(progress.path));
    if (matched.method === null) throw failure('route_unknown');
    if (matched.method !== request.method) throw failure('method_not_allowed', { headers: { allow: matched.method } });
    const identity = (progress.identity = await deps.authenticate(request));
    if (identity === null) throw failure('unauthenticated');
    const rights = rightsOf(identity);
    const headers = { 'x-request-id': requestId };
    if (matched.operation === 'models') return listModels(deps, rights, response, headers);
    if (matched.operation === 'model') return showModel(deps, rights, matched.name!, response, headers);
    const options = { pinned: pinnedEnvironments(request, identity), sees: rights.access.sees };
    if (matched.operation === 'health') {
      requireName(rights, matched.name!, requestId);
      return showHealth(deps, matched.name!, options, response, headers);
    }

    const body = await readBody(request, deps.bodyLimit);
    checkBody(matched, body.value);
    const name = (progress.name = matched.name ?? (body.value['model'] as string));
    requireName(rights, name, requestId);
    const found = resolveRoute(deps, name, options);
    const route = (progress.route = found instanceof Promise ? await found : found);
    const { targets, denied } = rights.allowed(route);
    if (targets.length === 0) {
      deps.denied(identity, name, denied!.rule, requestId);
      throw denial(denied!);
    }
    const operation = matched.operation as Operation;
    const streamed = (progress.streamed = body.value['stream'] === true && operation !== 'embedding');
    const admitting = admit({ identity, route, targets, body, operation });
    const admission = admitting instanceof Promise ? await admitting : admitting;
    const call: Call = {
      request,
      response,
      requestId,
      identity,
      face: matched.face,
      operation,
      route,
      targets,
      body,
      streamed,
      admission,
      cacheKey:
        route.cache === null
          ? null
          : cacheKeyOf({
              route,
              targets,
              identity,
              face: matched.face,
              operation,
              body,
              cacheControl: request.headers['cache-control'],
            }),
      started: progress.started,
    };
    if (call.cacheKey !== null) {
      const kept = readKept(await deps.cache.get(call.cacheKey));
      if (kept !== null) return replay(deps, call, kept);
    }
    if (response.destroyed) {
      admission.settle({ amount: 0n, tokens: 0, requests: 0 });
      return;
    }
    exchange(deps, call, (error) => tell(progress, error));
  }

  /** An API key may be held to some names. */
  function requireName(rights: Rights, name: string, requestId: string): void {
    rights.requireInference();
    if (rights.mayName(name)) return;
    deps.denied(rights.access.identity, name, 'api-key', requestId);
    throw failure('permission_denied', {
      message: `This API key may not call "${name}".`,
      remedy: `Use a key whose routes hold "${name}".`,
      data: { rule: 'api-key' },
    });
  }

  /** Answers why a request does not go on. */
  function refuse(request: IncomingMessage, response: ServerResponse, progress: Progress, error: unknown): void {
    const headers = { 'x-request-id': progress.requestId };
    const sent = sendFailure(response, progress.matched.face, error, headers);
    // a connection that is closed while the client still sends would take the answer away with it
    discardBody(request);
    tell(progress, isFailure(error) ? error : failure('internal', { cause: error }), sent.errorId);
    deps.refused(sent.failure.code);
    noteRefusal(progress, sent.failure);
  }

  function tell(progress: Progress, error: Failure, errorId?: string): void {
    const entry = {
      ...(errorId === undefined ? {} : { errorId }),
      code: error.code,
      requestId: progress.requestId,
      method: progress.matched.method,
      path: progress.path,
      user: progress.identity?.userId ?? null,
      category: error.status < 500 ? 'client_error' : 'server_error',
    };
    if (error.status >= 500) deps.log.error({ ...entry, err: error.cause ?? error.message }, error.message);
    else deps.log.info(entry, error.message);
  }

  /** The request log shows what was refused too, of callers that are known. */
  function noteRefusal({ matched, identity, name, route, ...progress }: Progress, error: Failure): void {
    const { operation } = matched;
    if (identity === null || name === null) return;
    if (operation !== 'chat' && operation !== 'completion' && operation !== 'embedding') return;
    deps.ledger.note({
      id: uuidv7(),
      at: deps.now().toISOString(),
      request_id: progress.requestId,
      gateway: deps.ledger.gateway,
      user_id: identity.userId,
      team: identity.teams === '*' ? (route?.team ?? null) : (identity.teams[0] ?? null),
      project: identity.project,
      api_key_id: identity.apiKeyId,
      route: name.slice(0, 200),
      environment: route?.environment ?? identity.environments?.[0] ?? 'prod',
      endpoint_id: null,
      model_id: null,
      model_name: null,
      model_version: null,
      provider: null,
      revision: null,
      operation,
      streamed: progress.streamed,
      status: error.status,
      error_code: error.code,
      forwarded: false,
      prompt_tokens: 0,
      completion_tokens: 0,
      estimated: false,
      cached: false,
      cost: '0',
      price: null,
      latency_ms: Math.round(performance.now() - progress.started),
      first_token_ms: null,
      finish_reason: null,
      attempts: 0,
      trace_id: null,
      decision: null,
    });
  }

  return {
    matches: isInferencePath,
    handle: (request, response, requestId) => void answer(request, response, requestId),
  };
}
