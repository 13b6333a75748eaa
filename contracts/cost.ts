import { z } from 'zod';
import { Id, IdParams, Name, Page, Time } from './common.ts';
import { defineRoutes } from './route.ts';
import { sentences } from './sentences.ts';

/** Non-negative decimal with at most 12 digits before and 6 after the point. */
export const Amount = z.string().regex(/^(?:0|[1-9]\d{0,11})(?:\.\d{1,6})?$/, sentences.amount);
/** ISO 4217. One for the whole platform: COST_CURRENCY. */
export const Currency = z.string().regex(/^[A-Z]{3}$/, sentences.currency);

export const budgetScopes = ['team', 'project', 'user', 'key', 'endpoint', 'model', 'global'] as const;
export const BudgetScope = z.object({
  type: z.enum(budgetScopes),
  id: z
    .string()
    .min(1)
    .max(300)
    .nullish()
    .describe('Name of the team or user, `team/project`, or the id of the key, endpoint or model; none for `global`.'),
});
const Whole = z.number().int().min(0).max(9_000_000_000_000_000);
export const BudgetLimit = z.object({
  amount: Amount.optional(),
  currency: Currency.optional(),
  tokens: Whole.optional(),
  requests: Whole.optional(),
});
const Figures = z.object({ amount: z.string(), tokens: z.number(), requests: z.number() });

const budgetFields = {
  name: Name,
  scope: BudgetScope,
  period: z.enum(['daily', 'monthly', 'total']).describe('Days and months of UTC.'),
  limit: BudgetLimit,
  action: z.enum(['warn', 'stop']).describe('warn: tell. stop: refuse what would go beyond, with 429.'),
  thresholds: z.array(z.number().min(1).max(100)).max(10).describe('Percent of the limit at which people are told.'),
};
export const Budget = z.object({
  id: Id,
  ...budgetFields,
  scope: z.object({ type: z.enum(budgetScopes), id: z.string().nullable() }),
  team: z.string().nullable().describe("Whose people see it; null: everybody's."),
  enabled: z.boolean(),
  current: z.object({
    periodStart: Time,
    periodEnd: Time.nullable(),
    spent: Figures.describe('Settled.'),
    leased: Figures.describe('Held by gateways for what they are answering and about to answer.'),
    ratio: z.number().describe('Spent of the limit; of several limits, the highest.'),
    state: z.enum(['ok', 'warning', 'exhausted']),
    reached: z.array(z.object({ threshold: z.number(), at: Time })),
  }),
  createdBy: z.string(),
  createdAt: Time,
  updatedAt: Time,
});
export type Budget = z.infer<typeof Budget>;

export const Price = z.object({
  modelId: Id.describe('A model id is one version.'),
  modelName: z.string(),
  version: z.string(),
  currency: z.string(),
  inputPerMillion: z.string(),
  outputPerMillion: z.string(),
  perRequest: z.string(),
  since: Time,
  setBy: z.string(),
});
export type Price = z.infer<typeof Price>;
const ModelParams = z.object({ modelId: Id });

export const costRoutes = defineRoutes({
  listBudgets: {
    method: 'GET',
    path: '/governance/budgets',
    summary: 'Budgets with what is spent of them',
    tag: 'cost',
    permission: 'budget:read',
    list: true,
    query: Page.extend({ scope: z.enum(budgetScopes).optional() }),
    data: z.array(Budget),
  },
  createBudget: {
    method: 'POST',
    path: '/governance/budgets',
    summary: 'A budget; what was spent in its period before counts too',
    tag: 'cost',
    permission: 'budget:write',
    body: z.object({
      ...budgetFields,
      thresholds: budgetFields.thresholds.default([80, 100]),
      enabled: z.boolean().default(true),
    }),
    data: Budget,
    idempotent: true,
    audit: { action: 'budget.create', resource: 'budget' },
    failures: ['budget_name_taken'],
  },
  getBudget: {
    method: 'GET',
    path: '/governance/budgets/{id}',
    summary: 'One budget',
    tag: 'cost',
    permission: 'budget:read',
    params: IdParams,
    data: Budget,
    failures: ['budget_not_found'],
  },
  updateBudget: {
    method: 'PATCH',
    path: '/governance/budgets/{id}',
    summary: 'Change a budget; scope and period stay',
    tag: 'cost',
    permission: 'budget:write',
    params: IdParams,
    body: z
      .object({
        name: budgetFields.name,
        limit: budgetFields.limit,
        action: budgetFields.action,
        thresholds: budgetFields.thresholds,
        enabled: z.boolean(),
      })
      .partial(),
    data: Budget,
    audit: { action: 'budget.update', resource: 'budget' },
    failures: ['budget_not_found', 'budget_name_taken'],
  },
  deleteBudget: {
    method: 'DELETE',
    path: '/governance/budgets/{id}',
    summary: 'Delete a budget',
    tag: 'cost',
    permission: 'budget:write',
    params: IdParams,
    data: z.object({ id: Id }),
    audit: { action: 'budget.delete', resource: 'budget' },
    failures: ['budget_not_found'],
  },
  listPrices: {
    method: 'GET',
    path: '/governance/prices',
    summary: 'What tokens of each model version cost now',
    tag: 'cost',
    permission: 'price:read',
    list: true,
    query: Page,
    data: z.array(Price),
  },
  setPrice: {
    method: 'PUT',
    path: '/governance/prices/{modelId}',
    summary: 'Set what a model version costs from now on; what was answered keeps its price',
    tag: 'cost',
    permission: 'price:write',
    params: ModelParams,
    body: z.object({
      currency: Currency.optional(),
      inputPerMillion: Amount,
      outputPerMillion: Amount,
      perRequest: Amount.default('0'),
    }),
    data: Price,
    audit: { action: 'price.set', resource: 'price' },
    failures: ['model_not_found'],
  },
  priceHistory: {
    method: 'GET',
    path: '/governance/prices/{modelId}',
    summary: 'What a model version cost, newest first',
    tag: 'cost',
    permission: 'price:read',
    params: ModelParams,
    data: z.array(Price),
    failures: ['model_not_found'],
  },
});
