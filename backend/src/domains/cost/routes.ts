import { costRoutes } from '@llm-ops/contracts';
import { bindRoutes, type BoundRoutes } from '#platform/http';
import type { createBudgets } from './budgets.ts';
import type { createPrices } from './prices.ts';

export function createRoutes(services: {
  budgets: ReturnType<typeof createBudgets>;
  prices: ReturnType<typeof createPrices>;
}): BoundRoutes {
  const { budgets, prices } = services;
  return bindRoutes(costRoutes, {
    listBudgets: (c) => budgets.list(c),
    createBudget: (c) => budgets.create(c),
    getBudget: (c) => budgets.get(c),
    updateBudget: (c) => budgets.update(c),
    deleteBudget: (c) => budgets.remove(c),
    listPrices: (c) => prices.list(c),
    setPrice: (c) => prices.set(c),
    priceHistory: (c) => prices.history(c),
  });
}
