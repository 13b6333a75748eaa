import type { IncomingMessage } from 'node:http';
import { rolesWith, type Permission, type RouteSpec } from '@llm-ops/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Access, Identity } from '#platform/access';
import { recordAudit } from '#platform/audit';
import type { Db } from '#platform/db';
import { failure, fieldWords, isFailure } from '#platform/errors';
import type { Logger } from '#platform/log';
import { answer, sendEvents, users } from './answers.ts';
import { isEventAnswer } from './events.ts';
import { once, type Sealer } from './idempotency.ts';
import { parseRequest } from './parse.ts';
import type { Turns } from './turns.ts';
import type { BoundRoutes, Context, Trx } from './types.ts';

export interface CallDeps {
  db: Db;
  log: Logger;
  /** null: no credentials; throws `unauthenticated` for wrong ones */
  authenticate(request: IncomingMessage): Promise<Identity | null>;
  accessFor(identity: Identity): Access;
  sealer: Sealer;
  /** of changes, which hold a connection each */
  turns: Turns;
}

/**
 * One call of a route: who asks and may they, what they sent as the route's contract reads it, the change with its audit entry in one
 * transaction (once, where the caller gave an idempotency key), and the answer. Throws what `sendFailure` tells.
 */
export async function serve(
  deps: CallDeps,
  route: RouteSpec,
  handler: BoundRoutes['handlers'][string],
  request: FastifyRequest,
  reply: FastifyReply,
  closing: AbortSignal,
): Promise<FastifyReply> {
  const identity = await identify(deps, route, request);
  if (identity !== null) users.set(request.raw, identity.userId);
  const access = deps.accessFor(identity ?? anonymous);
  const noted: { resourceId: string | null; detail: Record<string, unknown> } = {
    resourceId: idParam(request),
    detail: {},
  };
  const audit = (result: 'allowed' | 'denied' | 'failed', rule: string | null = null) => ({
    action: route.audit?.action ?? `${route.method.toLowerCase()} ${route.path}`,
    resourceType: route.audit?.resource ?? route.tag,
    resourceId: noted.resourceId,
    result,
    rule,
    requestId: request.id,
    remoteAddress: request.ip,
    detail: noted.detail,
  });
  const actor = identity ?? anonymous;
  try {
    authorise(route, access);
    const parsed = parseRequest(
      route,
      request.params as Record<string, unknown>,
      request.query as Record<string, unknown>,
      request.body,
    );
    const abort = new AbortController();
    reply.raw.once('close', () => abort.abort());
    const context = {
      ...parsed,
      identity: actor,
      access,
      requestId: request.id,
      remoteAddress: request.ip,
      log: request.log as unknown as Logger,
      signal: abort.signal,
      wantsEvents: route.events !== undefined && /\btext\/event-stream\b/.test(request.headers.accept ?? ''),
      raw: { request: request.raw, response: reply.raw },
      note: (resourceId: string, detail: Record<string, unknown> = {}) => {
        noted.resourceId = resourceId;
        Object.assign(noted.detail, detail);
      },
      header: (name: string, value: string) => void reply.header(name, value),
      get trx(): Trx {
        throw new Error(`Route ${route.method} ${route.path} opens no transaction.`);
      },
    };
    const call = handler as unknown as (context: Context) => Promise<unknown>;
    if (route.audit === undefined || route.rawBody === true) {
      const result = await call(context as unknown as Context);
      if (!isEventAnswer(result)) return await answer(route, result, request, reply);
      const renew = async (): Promise<Access> => {
        const again = await identify(deps, route, request);
        const allowed = deps.accessFor(again ?? anonymous);
        authorise(route, allowed);
        return allowed;
      };
      return sendEvents(result, reply, { renew, signal: AbortSignal.any([abort.signal, closing]) });
    }

    const key = idempotencyKeyOf(route, request);
    const change = async (transaction: unknown) => {
      const trx = transaction as unknown as Trx;
      const work = async () => {
        // a spread would read the getter, which throws
        const own = { ...Object.getOwnPropertyDescriptors(context), trx: { value: trx, enumerable: true } };
        const value = await call(Object.defineProperties({}, own) as unknown as Context);
        await recordAudit(trx, actor, audit('allowed'));
        return value;
      };
      if (key === null) return work();
      const scope = `${actor.kind}:${actor.userId} ${route.method} ${request.url.split('?')[0]}`;
      return once(
        trx,
        deps.sealer,
        { scope, key, body: [parsed.query, request.body], sensitive: route.sensitive === true },
        work,
      );
    };
    const result = await deps.turns.take(() => deps.db.kysely.transaction().execute(change));
    return await answer(route, result, request, reply);
  } catch (error) {
    const rule = ruleOf(error);
    if (rule !== null) await auditAside(deps, actor, audit('denied', rule));
    // where the database was not there for the change, it is not there for the entry: asking again would only double the wait
    else if (route.audit !== undefined && !isFailure(error, 'database_unavailable')) {
      noted.detail['code'] = isFailure(error) ? error.code : 'internal';
      await auditAside(deps, actor, audit('failed'));
    }
    throw error;
  }
}

async function identify(deps: CallDeps, route: RouteSpec, request: FastifyRequest): Promise<Identity | null> {
  const identity = await deps.authenticate(request.raw);
  if (identity === null && route.permission !== 'public') throw failure('unauthenticated');
  return identity;
}

/** What denied a request; null when it failed for another reason. */
function ruleOf(error: unknown): string | null {
  if (!isFailure(error)) return null;
  if (error.hidden) return 'team';
  const denied = error.code === 'permission_denied' || error.code === 'environment_not_allowed';
  return denied ? String(error.data?.['rule'] ?? '') : null;
}

/** A refusal is written even though the change it would have gone with was rolled back; the database being away must not hide it. */
async function auditAside(deps: CallDeps, actor: Identity, record: Parameters<typeof recordAudit>[2]): Promise<void> {
  try {
    await deps.db.kysely.transaction().execute((trx) => recordAudit(trx as unknown as Trx, actor, record));
  } catch (error) {
    deps.log.error({ err: error, audit: record, actor: actor.userId }, 'audit entry could not be written');
  }
}

function authorise(route: RouteSpec, access: Access): void {
  if (route.permission === 'public' || route.permission === 'authenticated') return;
  // Only the role is known here; the domain asks again with the resource, where policies match on its fields.
  const decision = access.decide(route.permission);
  if (decision.allowed) return;
  throw failure('permission_denied', {
    message: decision.reason,
    remedy: decision.remedy ?? remedyFor(route.permission),
    data: { rule: decision.rule },
  });
}

function remedyFor(permission: Permission): string {
  return `Ask an administrator for one of these roles: ${rolesWith(permission).join(', ')}.`;
}

function idParam(request: FastifyRequest): string | null {
  const { id, name } = request.params as { id?: string; name?: string };
  return id ?? name ?? null;
}

function idempotencyKeyOf(route: RouteSpec, request: FastifyRequest): string | null {
  const key = request.headers['idempotency-key'];
  if (route.idempotent !== true || key === undefined) return null;
  if (typeof key !== 'string' || !/^[A-Za-z0-9._:-]{1,200}$/.test(key)) {
    throw failure('validation_failed', {
      issues: [{ path: 'Idempotency-Key', ...fieldWords.tell('idempotency_key') }],
    });
  }
  return key;
}

const anonymous: Identity = {
  kind: 'system',
  userId: 'anonymous',
  displayName: 'Anonymous',
  roles: [],
  teams: [],
  project: null,
  apiKeyId: null,
  routes: null,
  environments: null,
  sessionId: null,
  csrfToken: null,
};
