import type { ArgumentsOf, Tables } from '@llm-ops/sdk';
import { api } from './api.ts';

type Body<K extends keyof Tables> = ArgumentsOf<Tables[K]>['body'];
type Query<K extends keyof Tables> = ArgumentsOf<Tables[K]>['query'];

/** Budgets and prices. Amounts are decimal texts in the platform's currency. */
export const costClient = {
  listBudgets: (query?: Query<'listBudgets'>) => api.call('listBudgets', { query }),
  createBudget: (payload: Body<'createBudget'>) => api.call('createBudget', { body: payload }),
  updateBudget: (id: string, payload: Body<'updateBudget'>) =>
    api.call('updateBudget', { params: { id }, body: payload }),
  deleteBudget: (id: string) => api.call('deleteBudget', { params: { id } }),
  listPrices: (query?: Query<'listPrices'>) => api.call('listPrices', { query }),
  setPrice: (modelId: string, payload: Body<'setPrice'>) =>
    api.call('setPrice', { params: { modelId }, body: payload }),
  priceHistory: (modelId: string) => api.call('priceHistory', { params: { modelId } }),
};
