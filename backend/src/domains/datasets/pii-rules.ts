import type { datasetRoutes, DataOf, PiiRule } from '@llm-ops/contracts';
import type { Access } from '#platform/access';
import { failure } from '#platform/errors';
import type { Context } from '#platform/http';
import { uuidv7 } from '#platform/ids';
import { askEngine } from './ask.ts';
import type { DatasetsDeps } from './deps.ts';
import { compilePiiRule } from './pii/index.ts';
import type { DatasetStore, PiiRuleRow } from './store/index.ts';
import { requireTeam } from './view.ts';
import { refusalWords } from './refusals.ts';

type Routes = typeof datasetRoutes;
export type PiiRules = ReturnType<typeof createPiiRules>;

const testMs = 10_000;

/** Rules of one's own for personal data; they hold from the next validation on. */
export function createPiiRules(deps: DatasetsDeps & { store: DatasetStore }) {
  const { store, workers } = deps;
  const { rules } = store;

  return {
    async list(access: Access): Promise<PiiRule[]> {
      const { teams, roles } = access.identity;
      return (await rules.list(teams === '*' || roles.includes('admin') ? null : teams)).map(toRule);
    },

    async create(c: Context<Routes['createPiiRule']>): Promise<PiiRule> {
      const { access, trx, body } = c;
      const team = body.team ?? null;
      requireSay(access, team);
      // throws what is wrong with it
      compilePiiRule(body);
      if (team !== null) await deps.ensureTeam(trx, team, access.identity);
      const row = await rules.insert(trx, {
        id: uuidv7(),
        name: body.name,
        team,
        pattern: body.pattern,
        context: body.context,
        confidence: body.confidence,
        enabled: body.enabled,
        created_by: access.identity.userId,
      });
      if (row === null) {
        const { name } = body;
        throw failure(
          'pii_rule_exists',
          team === null
            ? refusalWords.tell('rule_there_for_all', { name })
            : refusalWords.tell('rule_there', { name, team }),
        );
      }
      c.note(row.id, { name: row.name, team, pattern: row.pattern });
      return toRule(row);
    },

    async remove(c: Context<Routes['deletePiiRule']>): Promise<{ id: string }> {
      const { access, trx } = c;
      const row = await rules.lock(trx, c.params.id);
      const { teams, roles } = access.identity;
      const seen =
        row !== null && (row.team === null || teams === '*' || roles.includes('admin') || teams.includes(row.team));
      if (!seen) throw failure('pii_rule_not_found', row === null ? {} : { hidden: true });
      requireSay(access, row.team);
      await rules.remove(trx, row.id);
      c.note(row.id, { name: row.name, team: row.team });
      return { id: row.id };
    },

    /** Tries all detectors, and a pattern, on a text; nothing of it is kept or logged. */
    async test(c: Context<Routes['testPii']>): Promise<DataOf<Routes['testPii']>> {
      const { text, pattern, context } = c.body;
      const tried = pattern === undefined ? [] : [{ name: 'test', pattern, context, confidence: 0.8 }];
      for (const rule of tried) compilePiiRule(rule);
      const input = { text, rules: tried };
      const found = await askEngine(workers.quick, 'scan', input, { timeoutMs: testMs, signal: c.signal });
      return found.matches;
    },
  };
}

/** A rule for everybody bears on the gates of every team. */
function requireSay(access: Access, team: string | null): void {
  if (team !== null) return requireTeam(access, team);
  const { identity } = access;
  if (identity.teams === '*' || identity.roles.some((role) => role === 'admin' || role === 'operator')) return;
  throw failure('permission_denied', {
    ...refusalWords.tell('rule_for_all'),
    data: { rule: 'team', permission: 'pii-rule:write' },
  });
}

function toRule({ created_at: at, ...row }: PiiRuleRow): PiiRule {
  return { ...row, confidence: Math.round(row.confidence * 1e4) / 1e4, created_at: at.toISOString() };
}
