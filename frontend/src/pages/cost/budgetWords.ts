import type { Budget } from '@llm-ops/contracts';
import { formatMoney } from '../../ui/money.ts';

/** What of a budget decides what happens. */
export type BudgetTerms = Pick<Budget, 'period' | 'limit' | 'action' | 'thresholds' | 'enabled'> & {
  scope: { type: Budget['scope']['type'] };
};

interface Words {
  /** of `cost.words`; a number chooses between one and many */
  t: (key: string, values: Record<string, unknown>, many?: number) => string;
  locale: string;
  currency: string;
  scopeName: string;
}

/** What a budget does, in sentences. */
export function explainBudget(terms: BudgetTerms, { t, locale, currency, scopeName }: Words): string[] {
  const said = (key: string, values: Record<string, unknown> = {}, many?: number) =>
    t(`cost.words.${key}`, values, many);
  if (!terms.enabled) return [said('disabled')];
  const { amount, tokens, requests } = terms.limit;
  const number = new Intl.NumberFormat(locale);
  const limits = [
    amount !== undefined && formatMoney(amount, currency, locale),
    tokens !== undefined && said('tokens', { count: number.format(tokens) }, tokens),
    requests !== undefined && said('requests', { count: number.format(requests) }, requests),
  ].filter((part): part is string => part !== false);
  const percents = terms.thresholds.map((threshold) => `${number.format(threshold)} %`);
  return [
    said(`limit.${terms.period}`, {
      limits: new Intl.ListFormat(locale, { type: 'disjunction' }).format(limits),
      who: said(`who.${terms.scope.type}`, { name: scopeName }),
    }),
    terms.action === 'warn' ? said('warn') : said(`stop.${terms.period}`),
    percents.length === 0
      ? said('untold')
      : said('told', { percents: new Intl.ListFormat(locale, { type: 'conjunction' }).format(percents) }),
  ];
}
