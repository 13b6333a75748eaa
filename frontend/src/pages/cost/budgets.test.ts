import type { Budget } from '@llm-ops/contracts';
import { costRoutes } from '@llm-ops/contracts';
import { beforeAll, describe, expect, it } from 'vitest';
import { i18n, loadArea, setLocale } from '../../i18n.ts';
import { budgetCreateOf, budgetFaults, budgetFormOf, budgetPatchOf, thresholdsOf } from './budgetForm.ts';
import { type BudgetTerms, explainBudget } from './budgetWords.ts';
import { metersOf } from './meters.ts';
import { isAmount } from './vocabulary.ts';

const budget = (facts: Partial<Budget> = {}): Budget => ({
  id: '00000000-0000-7000-8000-000000000000',
  name: 'search',
  scope: { type: 'team', id: 'search' },
  period: 'monthly',
  limit: { amount: '100', tokens: 1000 },
  action: 'stop',
  thresholds: [80, 100],
  team: 'search',
  enabled: true,
  current: {
    periodStart: '2026-01-01T00:00:00Z',
    periodEnd: '2026-02-01T00:00:00Z',
    spent: { amount: '75', tokens: 990, requests: 5 },
    leased: { amount: '5', tokens: 100, requests: 1 },
    ratio: 0.99,
    state: 'warning',
    reached: [],
  },
  createdBy: 'ada',
  createdAt: '2026-01-01T00:00:00Z',
  updatedAt: '2026-01-01T00:00:00Z',
  ...facts,
});

describe('FR-011: how far a budget is used', () => {
  it('a bar for each limit, never wider than all of it', () => {
    expect(metersOf(budget())).toEqual([
      { kind: 'amount', spent: '75', leased: '5', limit: '100', ratio: 0.75, spentShare: 0.75, leasedShare: 0.05 },
      {
        kind: 'tokens',
        spent: '990',
        leased: '100',
        limit: '1000',
        ratio: 0.99,
        spentShare: 0.99,
        leasedShare: expect.closeTo(0.01),
      },
    ]);
  });
  it('a limit of nothing is used up', () => {
    const current = { ...budget().current, spent: { amount: '0', tokens: 0, requests: 0 } };
    expect(metersOf(budget({ limit: { requests: 0 }, current }))).toMatchObject([
      { ratio: 1, spentShare: 1, leasedShare: 0 },
    ]);
  });
});

describe('FR-011: the form of a budget', () => {
  it('sent unchanged, it changes nothing', () => {
    const { name, limit, action, thresholds, enabled } = budget();
    expect(budgetPatchOf(budgetFormOf(budget()))).toEqual({ name, limit, action, thresholds, enabled });
  });
  it('says what is missing, field by field', () => {
    const form = { ...budgetFormOf(null), thresholds: '0, 101' };
    expect(budgetFaults(form)).toEqual(['name', 'scope', 'limit', 'thresholds']);
    Object.assign(form, { name: 'x', scopeType: 'project', scopeId: 'search', amount: '1.2345678', thresholds: '' });
    expect(budgetFaults(form)).toEqual(['scope', 'amount']);
    Object.assign(form, { scopeId: 'search/bot', amount: '', requests: 0 });
    expect(budgetFaults(form)).toEqual([]);
  });
  it('a new one is what the platform takes', () => {
    const form = { ...budgetFormOf(null), name: ' all ', scopeType: 'global' as const, amount: ' 12.50 ' };
    expect(costRoutes.createBudget.body.parse(budgetCreateOf(form))).toEqual({
      name: 'all',
      scope: { type: 'global', id: null },
      period: 'monthly',
      limit: { amount: '12.50' },
      action: 'warn',
      thresholds: [80, 100],
      enabled: true,
    });
  });
  it('percents are put in order, each once', () => {
    expect(thresholdsOf('100%, 80 50;80')).toEqual([50, 80, 100]);
    expect([thresholdsOf(''), thresholdsOf('x'), thresholdsOf('1,2,3,4,5,6,7,8,9,10,11')]).toEqual([[], null, null]);
  });
  it.each([
    ['0', true],
    ['12.50', true],
    ['999999999999.999999', true],
    ['1000000000000', false],
    ['0.0000001', false],
    ['01', false],
    ['-1', false],
    ['1e3', false],
    ['', false],
  ])('the amount %j is one: %s, as the platform says', (text, is) => {
    expect([isAmount(text), costRoutes.setPrice.body.shape.inputPerMillion.safeParse(text).success]).toEqual([is, is]);
  });
});

describe('FR-011: a budget in words', () => {
  const { t } = i18n.global;
  const said = (facts: Partial<BudgetTerms>, scopeName = 'search', locale = 'en') =>
    explainBudget(
      { ...budget(), ...facts },
      {
        t: (key, values, many) => (many === undefined ? t(key, values) : t(key, values, many)),
        locale,
        currency: 'USD',
        scopeName,
      },
    ).join(' ');
  beforeAll(async () => {
    await loadArea('cost');
    await setLocale('en');
  });
  it('that stops', () => {
    expect(said({})).toBe(
      'At most $100.00 or 1,000 tokens a month for what team search asks. A request that would go beyond is refused with 429 until the next month begins. People are told at 80 % and 100 %.',
    );
  });
  it('that warns, without thresholds', () => {
    expect(
      said({ action: 'warn', period: 'total', limit: { requests: 1 }, thresholds: [], scope: { type: 'global' } }),
    ).toBe('At most 1 request in all for everything that is asked. Beyond that requests go on. Nobody is told before.');
  });
  it('that is switched off', () => {
    expect(said({ enabled: false })).toBe('It is switched off and holds nobody back.');
  });
});
