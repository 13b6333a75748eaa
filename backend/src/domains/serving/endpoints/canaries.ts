import type { BodyOf, Canary, servingRoutes } from '@llm-ops/contracts';
import type { Access } from '#platform/access';
import type { Db } from '#platform/db';
import { failure } from '#platform/errors';
import type { Trx } from '#platform/http';
import type { Changes } from './wanted.ts';
import { compared, countsFrom, type Compare } from '../rollout/comparing.ts';
import { admitted } from '../guard.ts';
import { judge, type Comparison, type Sample, type Tolerance } from '../rollout/judge.ts';
import { nextShare } from '../rollout/decide.ts';
import { findEndpoint, tellServing } from '../store/endpoints.ts';
import { closeCanary, findCanary, shareTraffic, viewOf, type CanaryRow } from '../store/canaries.ts';
import { returnTarget } from '../store/state.ts';

/** Revisions that get a share of the traffic: what people see and do of them. The steps are the reconciler's. */
export function createCanaries({ db, changes, compare }: { db: Db; changes: Changes; compare: Compare }) {
  async function shown(row: CanaryRow, now = new Date()): Promise<Canary> {
    const view = viewOf(row);
    if (row.state !== 'running' || row.weight_since === null) return canaryView(row, recorded(row.measured));
    const { endpoint_id: endpointId, stable, revision } = row;
    const from = countsFrom(row.weight_since, now);
    const found = await compared(compare, { endpointId, stable, revision, from, to: now, slower: view.slower });
    return canaryView(row, found);
  }

  async function open(trx: Trx, access: Access, id: string): Promise<CanaryRow> {
    await changes.locked(trx, access, id);
    const row = await findCanary(trx, id);
    if (row === null || (row.state !== 'waiting' && row.state !== 'running')) throw failure('canary_not_open');
    return row;
  }

  return {
    async get(access: Access, id: string): Promise<Canary | null> {
      admitted(access, await findEndpoint(db.kysely, id));
      const row = await findCanary(db.kysely, id);
      return row === null ? null : shown(row);
    },

    async update(
      trx: Trx,
      access: Access,
      id: string,
      change: BodyOf<(typeof servingRoutes)['updateCanary']>,
    ): Promise<Canary> {
      const row = await open(trx, access, id);
      if (change.weight !== undefined && row.state === 'waiting') throw failure('canary_not_ready');
      await shareTraffic(trx, id, row.revision, change);
      await tellServing(trx, id);
      return shown((await findCanary(trx, id))!);
    },

    async abort(trx: Trx, access: Access, id: string): Promise<Canary> {
      const row = await open(trx, access, id);
      const before = await shown(row);
      const by = access.identity.userId;
      await closeCanary(trx, id, {
        state: 'aborted',
        by,
        reason: 'ByHand',
        message: `${by} took it back.`,
        measured: before.comparison && {
          from: new Date(before.comparison.from),
          to: new Date(before.comparison.to),
          stable: { ...before.comparison.stable, slow: 0 },
          canary: { ...before.comparison.canary, slow: 0 },
        },
      });
      await returnTarget(trx, id, row.revision, row.stable);
      await tellServing(trx, id);
      return shown((await findCanary(trx, id))!);
    },
  };
}

/** Times that a database kept as text. */
const recorded = (measured: Comparison | null): Comparison | null =>
  measured && { ...measured, from: new Date(measured.from), to: new Date(measured.to) };

function canaryView(row: CanaryRow, comparison: Comparison | null): Canary {
  const view = viewOf(row);
  const running = row.state === 'running';
  const goesOn = running && view.automatic && row.weight_since !== null;
  return {
    endpointId: row.endpoint_id,
    revision: row.revision,
    stable: row.stable,
    state: row.state,
    weight: view.weight,
    weightSince: row.weight_since?.toISOString() ?? null,
    nextWeight: running ? nextShare(view) : row.state === 'waiting' ? view.steps[0]! : null,
    nextAt: goesOn ? new Date(row.weight_since!.getTime() + view.stepSeconds * 1000).toISOString() : null,
    steps: [...view.steps],
    automatic: view.automatic,
    stepSeconds: view.stepSeconds,
    minimumRequests: view.minimumRequests,
    moreErrors: view.moreErrors,
    slower: view.slower,
    reason: row.reason,
    message: row.message,
    comparison: comparison && comparisonView(comparison, view),
    createdBy: row.created_by,
    createdAt: row.created_at.toISOString(),
    endedBy: row.ended_by,
    endedAt: row.ended_at?.toISOString() ?? null,
  };
}

function comparisonView(found: Comparison, tolerance: Tolerance): NonNullable<Canary['comparison']> {
  const { level, reason, message } = judge(found, tolerance);
  return {
    from: found.from.toISOString(),
    to: found.to.toISOString(),
    stable: shownSample(found.stable),
    canary: shownSample(found.canary),
    verdict: { level, reason, message },
  };
}

const shownSample = ({ revision, requests, errors, p50Ms, p95Ms, firstTokenP95Ms }: Sample) => ({
  revision,
  requests,
  errors,
  p50Ms,
  p95Ms,
  firstTokenP95Ms,
});
