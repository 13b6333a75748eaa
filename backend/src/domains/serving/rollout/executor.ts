import type { Identity } from '#platform/access';
import { recordAudit } from '#platform/audit';
import type { Db } from '#platform/db';
import { isFailure } from '#platform/errors';
import type { Trx } from '#platform/http';
import { uuidv7 } from '#platform/ids';
import type { Logger } from '#platform/log';
import { again, together } from '#platform/words';
import type { Runtime } from '#ports/runtime';
import { reasonOf, sendDirect, testCompletion, type Providers, type Send } from './completion.ts';
import { concealed, concealer } from '../redact.ts';
import { words } from '../sentences.ts';
import type { DriftRecord } from './drift.ts';
import type { Retries } from './retries.ts';
import { removalBackoffMs, type Action, type EndpointView, type RevisionView, type World } from './decide.ts';
import { specNow } from '../spec.ts';
import { changeState, markDeleted, moveTraffic, returnTarget, writeDrift } from '../store/state.ts';
import { closeCanary, shareTraffic } from '../store/canaries.ts';
import { insertVerification, tellServing } from '../store/endpoints.ts';
import type { Condition, ServingConfig, ServingSpec } from '../types.ts';

export interface Publisher {
  publish(trx: Trx, type: string, payload: object): Promise<void>;
}

export interface ExecutorDeps {
  db: Db;
  runtimes: Readonly<Record<string, Runtime>>;
  events: Publisher;
  /** for models at addresses that users gave */
  egress: Send;
  providers: Providers;
  log: Logger;
  config: ServingConfig;
  specs: ReadonlyMap<string, ServingSpec>;
  retries: Retries;
}

/** The reconciler's own name in the audit log. */
const reconciler: Identity = {
  kind: 'system',
  userId: 'reconciler',
  displayName: 'Reconciler',
  roles: [],
  teams: '*',
  project: null,
  apiKeyId: null,
  routes: null,
  environments: null,
  sessionId: null,
  csrfToken: null,
};
const logLines = 200;

/** Does one action of `decide`: the runtime first, then the row, so that a repetition after a crash does no harm. */
export function createExecutor(deps: ExecutorDeps) {
  const { db, runtimes, events, config, log } = deps;

  const runtimeOf = (revision: RevisionView): Runtime => {
    const runtime = runtimes[revision.runtime];
    if (!runtime) throw new Error(`this server has no runtime "${revision.runtime}"`);
    return runtime;
  };
  const inTransaction = <T>(work: (trx: Trx) => Promise<T>) =>
    db.kysely.transaction().execute((trx) => work(trx as unknown as Trx));

  /** Whether it was applied. */
  async function apply(endpoint: EndpointView, revision: RevisionView, fresh: boolean, now: Date): Promise<boolean> {
    const stored = deps.specs.get(revision.id)!;
    const runtime = runtimeOf(revision);
    const spec = specNow(endpoint, revision, stored);
    try {
      await runtime.apply(runtime.plan(spec), spec);
    } catch (error) {
      const message = reasonOf(error);
      log.warn(
        { endpoint: endpoint.id, revision: revision.number, reason: message },
        'a revision could not be applied',
      );
      const counts = isFailure(error) && revision.state !== 'live';
      // an error of the product's own says that it cannot work; anything else may pass, and what is live stays wanted
      if (revision.message === message && revision.state !== 'pending' && !counts) return false;
      await changeState(db.kysely, revision.id, {
        message,
        ...(revision.state === 'live' ? {} : { state: 'starting', started_at: revision.startedAt ?? now }),
        ...(counts ? { crashes: fresh ? 1 : revision.crashes + 1 } : {}),
      });
      return false;
    }
    if (!fresh) {
      const unchanged = revision.appliedGeneration === endpoint.generation && revision.message === null;
      if (!unchanged)
        await changeState(db.kysely, revision.id, { applied_generation: endpoint.generation, message: null });
      return true;
    }
    await changeState(db.kysely, revision.id, {
      state: 'starting',
      applied_generation: endpoint.generation,
      message: null,
      crashes: 0,
      verify_attempts: 0,
      remove_attempts: 0,
      failing_since: null,
      started_at: now,
      verified_at: null,
      draining_at: null,
      failed_at: null,
      retired_at: null,
      remove_after: null,
      removed_at: null,
    });
    return true;
  }

  async function verify(endpoint: EndpointView, revision: RevisionView, now: Date): Promise<void> {
    if (revision.state !== 'verifying') await changeState(db.kysely, revision.id, { state: 'verifying' });
    const address = runtimeOf(revision).address(revision.id);
    const { prompt, timeoutMs } = config.verification;
    const result = address
      ? await testCompletion(deps.providers, address, revision.external ? deps.egress : sendDirect, {
          prompt,
          timeoutMs,
        })
      : { ok: false, message: 'It has no address yet.', latencyMs: 0, completion: null, usage: null };
    const stored = { ...result, endpointId: endpoint.id, revision: revision.number, requestedBy: 'rollout' };
    await insertVerification(db.kysely, { id: uuidv7(), ...stored });
    await changeState(db.kysely, revision.id, {
      verify_attempts: revision.verifyAttempts + 1,
      message: result.ok ? null : result.message,
      ...(result.ok ? { verified_at: now } : {}),
    });
  }

  async function switchTraffic(
    endpoint: EndpointView,
    to: RevisionView,
    from: RevisionView | null,
    now: Date,
  ): Promise<void> {
    await inTransaction(async (trx) => {
      const moved = await moveTraffic(trx, endpoint.id, {
        live: to.number,
        from: endpoint.liveRevision,
        again: runtimeOf(to).followsTraffic === true,
      });
      if (!moved) return;
      await changeState(trx, to.id, { state: 'live', live_at: now, message: null });
      if (from && from.state === 'live') await changeState(trx, from.id, { state: 'draining', draining_at: now });
      // what others changed of the revision before is no news of this one
      if (endpoint.drift !== null) await writeDrift(trx, endpoint.id, null);
      const canary = endpoint.canary?.revision === to.number;
      if (canary && (await closeCanary(trx, endpoint.id, { state: 'promoted', by: reconciler.userId })))
        await note(trx, endpoint, 'endpoint.canary', 'allowed', { revision: to.number, weight: 100 });
      await events.publish(trx, 'endpoint.revision-live', {
        endpointId: endpoint.id,
        revision: to.number,
        at: now.toISOString(),
      });
      await tellServing(trx, endpoint.id);
    });
    log.info({ endpoint: endpoint.id, revision: to.number, from: from?.number ?? null }, 'a revision took the traffic');
  }

  const note = (
    trx: Trx,
    endpoint: EndpointView,
    action: string,
    result: 'allowed' | 'failed',
    detail: Record<string, unknown>,
  ) => recordAudit(trx, reconciler, { action, resourceType: 'endpoint', resourceId: endpoint.id, result, detail });

  /** The first share is the revision's first traffic. */
  async function share(
    endpoint: EndpointView,
    revision: RevisionView,
    { weight, from }: Extract<Action, { do: 'share' }>,
    now: Date,
  ): Promise<void> {
    await inTransaction(async (trx) => {
      if (!(await shareTraffic(trx, endpoint.id, revision.number, { weight, from }))) return;
      if (revision.state !== 'live')
        await changeState(trx, revision.id, { state: 'live', live_at: now, message: null });
      await note(trx, endpoint, 'endpoint.canary', 'allowed', { revision: revision.number, weight, before: from });
      await tellServing(trx, endpoint.id);
    });
    log.info({ endpoint: endpoint.id, revision: revision.number, weight }, 'a revision shares the traffic');
  }

  /** What others have changed is put back where that is the policy, and remembered in any case. */
  async function drift(endpoint: EndpointView, action: Extract<Action, { do: 'drift' }>): Promise<void> {
    const { repair } = action;
    let { record } = action;
    try {
      for (const id of repair) {
        const revision = endpoint.revisions.find((one) => one.id === id)!;
        const spec = specNow(endpoint, revision, deps.specs.get(id)!);
        const runtime = runtimeOf(revision);
        await runtime.apply(runtime.plan(spec), spec);
      }
    } catch (error) {
      record &&= { ...record, problem: reasonOf(error) };
    }
    await remember(endpoint, record, repair.length > 0);
  }

  async function remember(endpoint: EndpointView, record: DriftRecord | null, repaired: boolean): Promise<void> {
    await inTransaction(async (trx) => {
      await writeDrift(trx, endpoint.id, record);
      const what = record?.found.map(({ object, path, by, at }) => ({ object, path, by, at })) ?? [];
      const problem = record?.problem ?? null;
      const detail = { found: what, repaired: repaired && problem === null, problem };
      const result = problem === null ? 'allowed' : 'failed';
      await note(trx, endpoint, what.length === 0 ? 'endpoint.drift.over' : 'endpoint.drift', result, detail);
    });
    log.warn({ endpoint: endpoint.id, drift: record?.found, repaired }, 'applied objects were changed');
  }

  async function fail(
    endpoint: EndpointView,
    revision: RevisionView,
    action: Extract<Action, { do: 'fail' }>,
    { now, compared }: World,
  ): Promise<void> {
    const plain = concealer(deps.specs.get(revision.id) ?? { env: {}, args: [] }, config.secrets);
    const written = await runtimeOf(revision)
      .logs(revision.id, logLines)
      .catch(() => []);
    const lines = written.map(plain);
    const { reason } = action;
    const told = concealed(action, plain);
    const cause = told.message;
    const tail = lines.slice(-5).filter((line) => !cause.includes(line));
    const whole =
      tail.length === 0
        ? told
        : together(told, words.tell('last_lines', { cause: again(told, 'message'), lines: tail.join('\n') }));
    const { message, remedy, said } = whole;
    const condition: Condition = { type: 'Failed', reason, message, remedy, said, since: now.toISOString() };
    const back = endpoint.revisions.find((one) => one.id === action.backTo);
    await inTransaction(async (trx) => {
      if (back) {
        const moved = await moveTraffic(trx, endpoint.id, {
          live: back.number,
          from: revision.number,
          again: runtimeOf(back).followsTraffic === true,
        });
        if (!moved) return;
        await changeState(trx, back.id, { state: 'live', draining_at: null });
        await returnTarget(trx, endpoint.id, revision.number, back.number);
      } else if (endpoint.liveRevision > 0) {
        await returnTarget(trx, endpoint.id, revision.number, endpoint.liveRevision);
      }
      await changeState(trx, revision.id, {
        state: 'failed',
        failed_at: now,
        retired_at: now,
        message: cause,
        conditions: [condition],
        last_logs: lines,
      });
      if (endpoint.canary?.revision === revision.number)
        await closeCanary(trx, endpoint.id, {
          state: 'aborted',
          by: reconciler.userId,
          reason,
          message: action.message,
          measured: compared,
        });
      const serves = back?.number ?? endpoint.liveRevision;
      const detail = { revision: revision.number, reason, message: action.message, serves };
      await note(trx, endpoint, 'endpoint.rollout', 'failed', detail);
      await events.publish(trx, 'endpoint.rollout-failed', {
        endpointId: endpoint.id,
        revision: revision.number,
        reason,
        message: action.message,
        at: now.toISOString(),
      });
      await tellServing(trx, endpoint.id);
    });
    log.warn(
      { endpoint: endpoint.id, revision: revision.number, reason, message: action.message },
      'a rollout was given up',
    );
  }

  async function remove(revision: RevisionView, now: Date): Promise<void> {
    try {
      await runtimeOf(revision).remove(revision.id, config.drainMs);
    } catch (error) {
      const attempts = revision.removeAttempts + 1;
      await changeState(db.kysely, revision.id, {
        remove_attempts: attempts,
        message: reasonOf(error),
        remove_after: new Date(now.getTime() + removalBackoffMs(attempts)),
      });
      log.warn(
        { revision: revision.id, attempts, reason: reasonOf(error) },
        'a revision could not be removed, trying again',
      );
      return;
    }
    await changeState(db.kysely, revision.id, {
      removed_at: now,
      remove_after: null,
      ...(revision.state === 'failed' ? {} : { state: 'retired', retired_at: now }),
    });
  }

  async function forget(endpoint: EndpointView): Promise<void> {
    await inTransaction(async (trx) => {
      const askedBy = await markDeleted(trx, endpoint.id);
      await recordAudit(trx, reconciler, {
        action: 'endpoint.delete.done',
        resourceType: 'endpoint',
        resourceId: endpoint.id,
        result: 'allowed',
        detail: { askedBy, removed: endpoint.revisions.length },
      });
      await events.publish(trx, 'endpoint.deleted', { endpointId: endpoint.id });
      await tellServing(trx, endpoint.id);
    });
    log.info({ endpoint: endpoint.id }, 'endpoint deleted');
  }

  return {
    async execute(endpoint: EndpointView, action: Action, world: World): Promise<void> {
      const { now } = world;
      const find = (id: string) => endpoint.revisions.find((one) => one.id === id)!;
      switch (action.do) {
        case 'apply': {
          const done = await apply(endpoint, find(action.revision), action.fresh, now);
          if (done && action.lost !== undefined) await remember(endpoint, action.lost, true);
          return void deps.retries.note(action.revision, done);
        }
        case 'mark':
          return changeState(db.kysely, action.revision, {
            ...(action.state
              ? { state: action.state, ...(action.state === 'draining' ? { draining_at: now } : {}) }
              : {}),
            ...(action.failing === undefined ? {} : { failing_since: action.failing ? now : null }),
            ...(action.crash ? { crashes: find(action.revision).crashes + 1 } : {}),
          });
        case 'verify':
          return verify(endpoint, find(action.revision), now);
        case 'switch':
          return switchTraffic(endpoint, find(action.to), action.from === null ? null : find(action.from), now);
        case 'settle':
          await changeState(db.kysely, action.revision, { state: 'live', live_at: now, draining_at: null });
          return tellServing(db.kysely, endpoint.id);
        case 'fail':
          return fail(endpoint, find(action.revision), action, world);
        case 'share':
          return share(endpoint, find(action.revision), action, now);
        case 'drift':
          return drift(endpoint, action);
        case 'cut':
          await inTransaction(async (trx) => {
            if (!(await moveTraffic(trx, endpoint.id, { live: 0, from: endpoint.liveRevision }))) return;
            await changeState(trx, action.revision, { state: 'draining', draining_at: now });
            await tellServing(trx, endpoint.id);
          });
          return;
        case 'retire':
          return changeState(db.kysely, action.revision, {
            state: 'retired',
            retired_at: now,
            message: action.message,
          });
        case 'remove':
          return remove(find(action.revision), now);
        case 'forget':
          return forget(endpoint);
      }
    },
  };
}
