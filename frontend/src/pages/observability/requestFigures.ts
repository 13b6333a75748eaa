import type { RequestDetail, RequestEntry } from '@llm-ops/contracts';
import { addMoney, tokenCost } from '../../ui/money.ts';

export const outcomes = ['ok', 'error', 'refused', 'cancelled', 'cached'] as const;
export type Outcome = (typeof outcomes)[number];

/** How a request ended, as the log filters it. */
export function outcomeOf({ status, cached }: Pick<RequestEntry, 'status' | 'cached'>): Outcome {
  if (status === 499) return 'cancelled';
  if (status >= 500) return 'error';
  if (status >= 400) return 'refused';
  return cached ? 'cached' : 'ok';
}

/** One step of how a cost comes about: so many of something at a price. */
export interface CostLine {
  /** key of `observability.cost` */
  kind: 'input' | 'output' | 'request';
  count: number;
  /** for a million tokens, or for the request */
  price: string;
  amount: string;
}

export interface CostSum {
  lines: CostLine[];
  /** what the lines make together */
  sum: string;
  /** it is what was charged; else why not is in the facts: from the cache, refused, or reckoned otherwise */
  agrees: boolean;
}

/** The arithmetic behind a cost; null when no price was set. */
export function costOf(
  detail: Pick<RequestDetail, 'price' | 'prompt_tokens' | 'completion_tokens' | 'cost'>,
): CostSum | null {
  const { price } = detail;
  if (price === null) return null;
  const lines: CostLine[] = [
    {
      kind: 'input',
      count: detail.prompt_tokens,
      price: price.input_per_million,
      amount: tokenCost(detail.prompt_tokens, price.input_per_million) ?? '0',
    },
    {
      kind: 'output',
      count: detail.completion_tokens,
      price: price.output_per_million,
      amount: tokenCost(detail.completion_tokens, price.output_per_million) ?? '0',
    },
    { kind: 'request', count: 1, price: price.per_request, amount: price.per_request },
  ];
  const shown = lines.filter(({ kind, amount }) => kind !== 'request' || addMoney(amount, '0') !== '0');
  const sum = addMoney(...shown.map(({ amount }) => amount)) ?? '0';
  return { lines: shown, sum, agrees: addMoney(sum, '0') === addMoney(detail.cost, '0') };
}
