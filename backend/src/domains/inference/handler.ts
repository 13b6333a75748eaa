import type { ResolvedRoute, ResolveOptions } from '#domains/serving';
import type { Environment, Identity } from '#platform/access';
import { failure, isFailure, type Failure } from '#platform/errors';
import { pathOf, replyThrough, type RawHandler, type Reply, type RequestHead } from '#platform/http';
import { uuidv7 } from '#platform/ids';
import { discardBody } from '#platform/uploads';
import type { Operation } from '#ports/provider';
import { createAdmit } from './admission.ts';
import type { HandlerDeps } from './deps.ts';
import { cacheKeyOf, readKept, replay } from './exchange/answers.ts';
import type { Call } from './exchange/call.ts';
import { exchange } from './exchange/exchange.ts';
import { rememberedOf } from './exchange/failures.ts';
import { skippedOf } from './exchange/record.ts';
import { listModels, showHealth, showModel } from './models.ts';
import { sendFailure } from './replies.ts';
import { bodyOf, readBody, type Body } from './request/body.ts';
import { checkBody } from './request/check.ts';
import { isInferencePath, matchPath, pinnedEnvironments, type Matched } from './request/path.ts';
import { resolveRoute } from './resolve.ts';
import { createRightsOf, denial, type Rights } from './rights.ts';
import { words } from './sentences.ts';

/** What is known of a request when it is refused. */
interface Progress {
  matched: Matched;
  path: string;
  requestId: string;
  identity: Identity | null;
  name: string | null;
  /** what the caller may see; null: nobody is known yet */
  options: ResolveOptions | null;
  route: ResolvedRoute | null;
  streamed: boolean;
  started: number;
}

/** A request and where its answer goes. */
interface Incoming {
  request: RequestHead;
  reply: Reply;
  body(): Body | Promise<Body>;
  /** It was answered before its body was read. */
  refused(): void;
}

/**
 * The inference path: from memory to the engine and back. It never waits for the database, and for nothing at all that is known already: a
 * turn of the loop for each step would take longer than the steps.
 */
export function createHandler(deps: HandlerDeps): RawHandler {
  const rightsOf = createRightsOf(deps);
  const admit = createAdmit(deps);

  function answer(incoming: Incoming, requestId: string): void {
    const path = pathOf(incoming.request);
    const progress: Progress = {
      matched: { face: path.startsWith('/v1') ? 'openai' : 'envelope', operation: 'unknown', name: null, method: null },
      path,
      requestId,
      identity: null,
      name: null,
      options: null,
      route: null,
      streamed: false,
      started: performance.now(),
    };
    try {
      const going = identified(incoming, progress);
      if (going instanceof Promise) going.catch((error: unknown) => refuse(incoming, progress, error));
    } catch (error) {
      refuse(incoming, progress, error);
    }
  }

  function identified(incoming: Incoming, progress: Progress): void | Promise<void> {
    const { request } = incoming;
    const matched = (progress.matched = matchPath(progress.path));
    if (deps.knowledge.tooOld) throw deps.knowledge.refusal();
    if (matched.method === null) throw failure('route_unknown');
    if (matched.method !== request.method) throw failure('method_not_allowed', { headers: { allow: matched.method } });
    return then(deps.identify(request), (identity) => {
      progress.identity = identity;
      if (identity === null) throw failure('unauthenticated');
      const options = (progress.options = {
        pinned: pinnedEnvironments(request, identity),
        sees: rightsOf(identity).access.sees,
      });
      if (matched.method === 'GET') return show(incoming, progress, identity, options);
      return then(incoming.body(), (body) => asked(incoming, progress, { identity, options, body }));
    });
  }

  /** What there is to ask of. */
  function show(
    { reply }: Incoming,
    { matched, requestId }: Progress,
    identity: Identity,
    options: ResolveOptions,
  ): void {
    const rights = rightsOf(identity);
    const headers = { 'x-request-id': requestId };
    if (matched.operation === 'models') return listModels(deps, rights, reply, headers);
    if (matched.operation === 'model') return showModel(deps, rights, matched.name!, reply, headers);
    requireName(rights, matched.name!, requestId);
    showHealth(deps, matched.name!, options, reply, headers);
  }

  function asked(
    incoming: Incoming,
    progress: Progress,
    { identity, options, body }: { identity: Identity; options: ResolveOptions; body: Body },
  ): void | Promise<void> {
    const { matched, requestId } = progress;
    const rights = rightsOf(identity);
    const { model } = body.value;
    const name = matched.name ?? (typeof model === 'string' && model !== '' ? model : null);
    progress.name = name;
    checkBody(matched, body.value);
    if (name === null) throw failure('validation_failed');
    requireName(rights, name, requestId);
    return then(resolveRoute(deps, name, options), (route) => {
      progress.route = route;
      const { targets, denied } = rights.allowed(route);
      if (targets.length === 0) {
        deps.denied(identity, name, denied!.rule, requestId);
        throw denial(denied!);
      }
      const operation = matched.operation as Operation;
      progress.streamed = body.value['stream'] === true && operation !== 'embedding';
      return then(admit({ identity, route, targets, body, operation }), (admission) =>
        admitted(incoming, progress, { identity, route, targets, body, operation, admission }),
      );
    });
  }

  function admitted(
    { request, reply }: Incoming,
    progress: Progress,
    found: Pick<Call, 'identity' | 'route' | 'targets' | 'body' | 'operation' | 'admission'>,
  ): void | Promise<void> {
    const { identity, route, targets, body, operation, admission } = found;
    const { face } = progress.matched;
    const cacheKey =
      route.cache === null
        ? null
        : cacheKeyOf({
            route,
            targets,
            identity,
            face,
            operation,
            body,
            cacheControl: request.headers['cache-control'],
          });
    const call: Call = {
      request,
      reply,
      requestId: progress.requestId,
      identity,
      face,
      operation,
      route,
      targets,
      body,
      streamed: progress.streamed,
      admission,
      cacheKey,
      started: progress.started,
    };
    const go = (): void => {
      if (reply.closed) admission.settle({ amount: 0n, tokens: 0, requests: 0 });
      else exchange(deps, call, (error) => tell(progress, error));
    };
    if (cacheKey === null) return go();
    return then(deps.cache.get(cacheKey), (value) => {
      const kept = readKept(value);
      if (kept === null) go();
      else replay(deps, call, kept);
    });
  }

  /** An API key may be held to some names. */
  function requireName(rights: Rights, name: string, requestId: string): void {
    rights.requireInference();
    if (rights.mayName(name)) return;
    deps.denied(rights.access.identity, name, 'api-key', requestId);
    throw failure('permission_denied', {
      ...words.tell('name_not_allowed', { name }),
      data: { rule: 'api-key' },
    });
  }

  /** Answers why a request does not go on. */
  function refuse(incoming: Incoming, progress: Progress, error: unknown): void {
    const headers = { 'x-request-id': progress.requestId };
    const sent = sendFailure(incoming.reply, progress.matched.face, error, headers);
    incoming.refused();
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

  /** Where a request that was refused early would have gone. A name that is nowhere counts as asked of prod. */
  function environmentOf(name: string, options: ResolveOptions | null): Environment {
    const found = deps.table.resolve(name, options ?? {});
    return found.kind === 'unknown' ? (options?.pinned?.[0] ?? 'prod') : found.environment;
  }

  /** The request log shows what was refused too, of callers that are known. */
  function noteRefusal({ matched, identity, name, options, route, ...progress }: Progress, error: Failure): void {
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
      environment: route?.environment ?? environmentOf(name, options),
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
      decision: {
        environments: route === null ? [] : [...route.environments],
        attempts: [],
        skipped: route === null ? [] : skippedOf(route),
        failure: rememberedOf(error, false),
      },
    });
  }

  return {
    matches: isInferencePath,
    handle(request, response, requestId) {
      const incoming = {
        request,
        reply: replyThrough(response),
        body: () => readBody(request, deps.bodyLimit),
        // a connection that is closed while the client still sends would take the answer away with it
        refused: () => discardBody(request),
      };
      answer(incoming, requestId);
    },
    whole: {
      matches: isInferencePath,
      handle: (request, bytes, reply, requestId) =>
        answer({ request, reply, body: () => bodyOf(request, bytes), refused: () => {} }, requestId),
    },
  };
}

/** At once where there is nothing to wait for. */
function then<T, R>(value: T | Promise<T>, use: (value: T) => R | Promise<R>): R | Promise<R> {
  return value instanceof Promise ? value.then(use) : use(value);
}
