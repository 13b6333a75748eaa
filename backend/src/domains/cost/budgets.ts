import type { Budget, costRoutes } from '@llm-ops/contracts';
import type { Kysely } from 'kysely';
import type { Access } from '#platform/access';
import { failure } from '#platform/errors';
import { decodeCursor, pageOf, type Context, type Paged, type Trx } from '#platform/http';
import { uuidv7 } from '#platform/ids';
import { formatMoney, parseMoney } from '#platform/money';
import { noteReached, type Publisher } from './charge.ts';
import { ascending, limitColumns, limitIssues, scopeId, scopeIssues, teamOfScope } from './draft.ts';
import { periodAt, ratioOf, reachedOf, stateOf } from './rules.ts';
import { words } from './sentences.ts';
import { keepReached } from './store-charges.ts';
import * as store from './store.ts';

type Routes = typeof costRoutes;

/** Budgets as people see and change them. */
export function createBudgets(deps: {
  db: Kysely<unknown>;
  currency: string;
  /** null: there is no such API key */
  teamOfKey(trx: Trx, keyId: string): Promise<string | null>;
  events: Publisher;
}) {
  const { db, currency, events } = deps;

  const isSeen = (access: Access, row: Pick<store.BudgetRow, 'team' | 'created_by'>) =>
    row.team === null || access.sees({ team: row.team, visibility: 'team', createdBy: row.created_by });

  function requireSeen(access: Access, row: store.BudgetState | null): store.BudgetState {
    if (row === null) throw failure('budget_not_found');
    if (!isSeen(access, row)) throw failure('budget_not_found', { hidden: true });
    return row;
  }

  /** The team of the scope; throws `validation_failed` when the caller is not in it, or there is no such key. */
  async function ownTeam(c: Context<Routes['createBudget']>, type: Budget['scope']['type'], id: string | null) {
    const team = type === 'key' && id !== null ? await deps.teamOfKey(c.trx, id) : teamOfScope(type, id);
    const missing = type === 'key' && team === null;
    if (missing || (team !== null && !c.access.sees({ team, visibility: 'team' }))) {
      const told = type === 'key' ? words.tell('no_key') : words.tell('no_member', { team: team! });
      throw failure('validation_failed', { issues: [{ path: 'scope.id', ...told }] });
    }
    return team;
  }

  /** What was settled in the running period counts, exactly once: nothing is charged until this transaction ends. */
  async function countSettled(trx: Trx, row: store.BudgetState): Promise<void> {
    const period = periodAt(row.period, row.period_start.getTime());
    await store.setSpent(trx, row.id, period.start, await store.settledSpend(trx, row, period));
  }

  /** As it is after a change, with thresholds that are reached by it. */
  async function changed(trx: Trx, id: string): Promise<Budget> {
    const row = (await store.findBudget(trx, id))!;
    if (!row.enabled) return view(row);
    const spent = store.spentOf(row);
    await keepReached(trx, id, row.period_start, reachedOf(store.limitOf(row), spent, row.thresholds));
    await noteReached(trx, events, [{ budget: row, start: row.period_start.getTime(), spent }]);
    return view((await store.findBudget(trx, id))!);
  }

  return {
    async list(c: Context<Routes['listBudgets']>): Promise<Paged<Budget[]>> {
      const { limit, cursor, scope: scopeType } = c.query;
      const before = decodeCursor(cursor)?.id ?? null;
      const scope = c.access.scope('budget:read', 'budget');
      const rows = await store.listBudgets(db, scope, { scopeType, limit: limit + 1, before });
      const page = pageOf(rows, limit, (row) => ({ at: row.created_at, id: row.id }));
      const may = page.rows.filter((row) => c.access.decide('budget:read', resourceOf(row)).allowed);
      return { rows: may.map(view), next: page.next };
    },

    /** Throws `budget_not_found`. */
    async get(c: Context<Routes['getBudget']>): Promise<Budget> {
      const row = requireSeen(c.access, await store.findBudget(db, c.params.id));
      c.access.require('budget:read', resourceOf(row));
      return view(row);
    },

    /** Throws `validation_failed`, `budget_name_taken`. */
    async create(c: Context<Routes['createBudget']>): Promise<Budget> {
      const { trx, access, body } = c;
      const { type } = body.scope;
      const id = scopeId(type, body.scope.id ?? null);
      const issues = [...scopeIssues(type, id), ...limitIssues(body.limit, currency)];
      if (issues.length > 0) throw failure('validation_failed', { issues });
      const row = {
        id: uuidv7(),
        name: body.name,
        scope_type: type,
        scope_id: id,
        period: body.period,
        ...limitColumns(body.limit, currency),
        action: body.action,
        thresholds: ascending(body.thresholds),
        enabled: body.enabled,
        team: await ownTeam(c, type, id),
        created_by: c.identity.userId,
      };
      access.require('budget:write', resourceOf(row));
      await store.lockBudgets(trx, 'alone');
      if (!(await store.insertBudget(trx, row))) throw failure('budget_name_taken');
      if (row.enabled) await countSettled(trx, (await store.findBudget(trx, row.id))!);
      c.note(row.id, { name: row.name, scope: body.scope, period: row.period, limit: body.limit, action: row.action });
      return changed(trx, row.id);
    },

    /** Throws `budget_not_found`, `validation_failed`, `budget_name_taken`. */
    async update(c: Context<Routes['updateBudget']>): Promise<Budget> {
      const { trx, access, body } = c;
      await store.lockBudgets(trx, 'alone');
      const before = requireSeen(access, await store.findBudget(trx, c.params.id, true));
      access.require('budget:write', resourceOf(before));
      const issues = body.limit === undefined ? [] : limitIssues(body.limit, currency);
      if (issues.length > 0) throw failure('validation_failed', { issues });
      const { limit, thresholds, ...plain } = body;
      const done = await store.updateBudget(trx, {
        id: before.id,
        ...plain,
        ...(limit === undefined ? {} : limitColumns(limit, currency)),
        ...(thresholds === undefined ? {} : { thresholds: ascending(thresholds) }),
      });
      if (!done) throw failure('budget_name_taken');
      // while it was off nothing was charged to it
      if (body.enabled === true && !before.enabled) await countSettled(trx, before);
      c.note(before.id, { before: settings(before), after: body });
      return changed(trx, before.id);
    },

    /** Throws `budget_not_found`. */
    async remove(c: Context<Routes['deleteBudget']>): Promise<{ id: string }> {
      await store.lockBudgets(c.trx, 'alone');
      const row = requireSeen(c.access, await store.findBudget(c.trx, c.params.id, true));
      c.access.require('budget:write', resourceOf(row));
      await store.deleteBudget(c.trx, row.id);
      c.note(row.id, settings(row));
      return { id: row.id };
    },
  };
}

const resourceOf = (row: Pick<store.BudgetRow, 'id' | 'name' | 'team' | 'scope_type' | 'scope_id' | 'created_by'>) => ({
  type: 'budget',
  id: row.id,
  name: row.name,
  team: row.team,
  owner_team: row.team,
  scope: row.scope_type,
  scope_id: row.scope_id,
  created_by: row.created_by,
});

const limitView = (row: store.BudgetRow): Budget['limit'] => ({
  currency: row.currency,
  ...(row.limit_amount === null ? {} : { amount: formatMoney(parseMoney(row.limit_amount)) }),
  ...(row.limit_tokens === null ? {} : { tokens: row.limit_tokens }),
  ...(row.limit_requests === null ? {} : { requests: row.limit_requests }),
});

const settings = (row: store.BudgetRow) => ({
  name: row.name,
  limit: limitView(row),
  action: row.action,
  thresholds: row.thresholds,
  enabled: row.enabled,
});

function view(row: store.BudgetState): Budget {
  const spent = store.spentOf(row);
  const limit = store.limitOf(row);
  const { start, end } = periodAt(row.period, row.period_start.getTime());
  return {
    id: row.id,
    ...settings(row),
    scope: { type: row.scope_type, id: row.scope_id },
    period: row.period,
    team: row.team,
    current: {
      periodStart: new Date(start).toISOString(),
      periodEnd: end === Infinity ? null : new Date(end).toISOString(),
      spent: { ...spent, amount: formatMoney(spent.amount) },
      leased: {
        amount: formatMoney(parseMoney(row.leased_amount)),
        tokens: row.leased_tokens,
        requests: row.leased_requests,
      },
      ratio: ratioOf(limit, spent),
      state: stateOf(limit, spent, row.thresholds),
      reached: row.reached.map(({ threshold, at }) => ({ threshold, at: new Date(at).toISOString() })),
    },
    createdBy: row.created_by,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}
