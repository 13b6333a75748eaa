import type { Budget } from '@llm-ops/contracts';
import type { Spend, UsageEvent } from '#domains/inference';
import { failure, type Failure } from '#platform/errors';
import { formatMoney, parseMoney, type Pico } from '#platform/money';
import type { Sentence } from '#platform/words';
import { words } from './sentences.ts';

export type PeriodKind = Budget['period'];
export type ScopeType = Budget['scope']['type'];

/** null: not limited */
export interface Limit {
  amount: Pico | null;
  tokens: number | null;
  requests: number | null;
}

/** ms since 1970: from `start` until before `end`; a total never ends (Infinity) */
export interface Period {
  start: number;
  end: number;
}

export const nothing: Spend = Object.freeze({ amount: 0n, tokens: 0, requests: 0 });

export const plus = (a: Spend, b: Spend): Spend => ({
  amount: a.amount + b.amount,
  tokens: a.tokens + b.tokens,
  requests: a.requests + b.requests,
});

export const minus = (a: Spend, b: Spend): Spend => ({
  amount: a.amount - b.amount,
  tokens: a.tokens - b.tokens,
  requests: a.requests - b.requests,
});

export const isNothing = ({ amount, tokens, requests }: Spend): boolean =>
  amount === 0n && tokens === 0 && requests === 0;

export const lesser = (a: Spend, b: Spend): Spend => ({
  amount: a.amount < b.amount ? a.amount : b.amount,
  tokens: Math.min(a.tokens, b.tokens),
  requests: Math.min(a.requests, b.requests),
});

const atLeastNothing = ({ amount, tokens, requests }: Spend): Spend => ({
  amount: amount > 0n ? amount : 0n,
  tokens: Math.max(tokens, 0),
  requests: Math.max(requests, 0),
});

/** The day or month of UTC that a moment lies in. */
export function periodAt(kind: PeriodKind, at: number): Period {
  if (kind === 'total') return { start: 0, end: Infinity };
  const date = new Date(at);
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()];
  return kind === 'daily'
    ? { start: Date.UTC(year, month, day), end: Date.UTC(year, month, day + 1) }
    : { start: Date.UTC(year, month), end: Date.UTC(year, month + 1) };
}

/** Whether an event charges budgets anything. */
export const isCharged = ({ forwarded, cached }: Pick<UsageEvent, 'forwarded' | 'cached'>): boolean =>
  forwarded || cached;

/** What an event charges budgets. What the gateway refused itself is free; a cached answer is a request that cost nothing. */
export function spendOf(
  event: Pick<UsageEvent, 'forwarded' | 'cached' | 'cost' | 'prompt_tokens' | 'completion_tokens'>,
): Spend {
  if (!isCharged(event)) return nothing;
  if (event.cached) return { amount: 0n, tokens: 0, requests: 1 };
  return { amount: parseMoney(event.cost), tokens: event.prompt_tokens + event.completion_tokens, requests: 1 };
}

/** The scopes that a request or its event falls under. */
export function scopesOf(one: {
  team: string | null;
  project: string | null;
  user: string;
  key: string | null;
  endpoint: string | null;
  model: string | null;
}): { type: ScopeType; id: string | null }[] {
  const scopes: { type: ScopeType; id: string | null }[] = [
    { type: 'team', id: one.team },
    { type: 'project', id: one.team === null || one.project === null ? null : `${one.team}/${one.project}` },
    { type: 'user', id: one.user },
    { type: 'key', id: one.key },
    { type: 'endpoint', id: one.endpoint },
    { type: 'model', id: one.model },
  ];
  return [...scopes.filter(({ id }) => id !== null), { type: 'global', id: null }];
}

/** Whether there is room; what takes nothing of a figure is not held up by it. */
export function fits(limit: Limit, room: Spend, wish: Spend): boolean {
  return (
    (limit.requests === null || room.requests >= wish.requests || wish.requests === 0) &&
    (limit.tokens === null || room.tokens >= wish.tokens || wish.tokens === 0) &&
    (limit.amount === null || room.amount >= wish.amount || wish.amount === 0n)
  );
}

/** What must come from the database for all wishes (`asked`), and for the least of them: below that nothing is worth taking. */
export function askFor(limit: Limit, room: Spend, wishes: readonly Spend[]): { asked: Spend; least: Spend } {
  const lacking = (wish: Spend) => limited(limit, atLeastNothing(lack(wish, room)));
  const each = wishes.map(lacking);
  return { asked: lacking(wishes.reduce(plus, nothing)), least: each.reduce(lesser, each[0] ?? nothing) };
}

const lack = (wish: Spend, room: Spend): Spend => ({
  amount: wish.amount === 0n ? 0n : wish.amount - room.amount,
  tokens: wish.tokens === 0 ? 0 : wish.tokens - room.tokens,
  requests: wish.requests === 0 ? 0 : wish.requests - room.requests,
});

const limited = (limit: Limit, { amount, tokens, requests }: Spend): Spend => ({
  amount: limit.amount === null ? 0n : amount,
  tokens: limit.tokens === null ? 0 : tokens,
  requests: limit.requests === null ? 0 : requests,
});

/** What a gateway wants to hold ready: what is taken in a second, at least eight requests of the usual size. */
export function stockFor(taken: Spend, count: number, elapsedMs: number): Spend {
  if (count === 0) return nothing;
  const times = Math.max(8 / count, 1000 / Math.max(elapsedMs, 100));
  return {
    amount: (taken.amount * BigInt(Math.ceil(times * 1000))) / 1000n,
    tokens: Math.ceil(taken.tokens * times),
    requests: Math.ceil(taken.requests * times),
  };
}

/** What the room lacks of the stock. */
export const refillFor = (limit: Limit, room: Spend, stock: Spend): Spend =>
  limited(limit, atLeastNothing(minus(stock, room)));

/** Below this room it is time to refill: half of what is held ready, which at the end of a budget is less than was wanted. */
export const refillBelow = (room: Spend, stock: Spend): Spend => halfOf(atLeastNothing(lesser(room, stock)));

const halfOf = ({ amount, tokens, requests }: Spend): Spend => ({
  amount: amount / 2n,
  tokens: Math.floor(tokens / 2),
  requests: Math.floor(requests / 2),
});

/** What of the room goes back when it is more than twice of what is worth keeping; of figures without a limit, all of it. */
export function surplusOf(limit: Limit, room: Spend, keep: Spend): Spend {
  const { amount, tokens, requests } = limited(limit, keep);
  return {
    amount: room.amount > 2n * amount ? room.amount - amount : 0n,
    tokens: room.tokens > 2 * tokens ? room.tokens - tokens : 0,
    requests: room.requests > 2 * requests ? room.requests - requests : 0,
  };
}

/** A part in a million, exactly as far as that: amounts are beyond what a floating number can tell apart. */
const million = 1_000_000n;

/** For each limited figure what is spent of it, in millionths, rounded down; of a limit of nothing all is spent. */
function shares(limit: Limit, spent: Spend): bigint[] {
  const pairs: [bigint, bigint][] = [];
  if (limit.amount !== null) pairs.push([spent.amount, limit.amount]);
  if (limit.tokens !== null) pairs.push([BigInt(spent.tokens), BigInt(limit.tokens)]);
  if (limit.requests !== null) pairs.push([BigInt(spent.requests), BigInt(limit.requests)]);
  return pairs.map(([part, whole]) => (whole === 0n ? million : (part * million) / whole));
}

const highest = (limit: Limit, spent: Spend): bigint =>
  shares(limit, spent).reduce((high, one) => (one > high ? one : high), 0n);

/** Spent of the limit; of several limits, the highest. */
export const ratioOf = (limit: Limit, spent: Spend): number => Number(highest(limit, spent)) / 1e6;

/** Thresholds (percent) that the spending has reached. */
export const reachedOf = (limit: Limit, spent: Spend, thresholds: readonly number[]): number[] =>
  thresholds.filter((threshold) => highest(limit, spent) >= BigInt(Math.round(threshold * 10_000)));

export function stateOf(limit: Limit, spent: Spend, thresholds: readonly number[]): Budget['current']['state'] {
  if (highest(limit, spent) >= million) return 'exhausted';
  return reachedOf(limit, spent, thresholds).length > 0 ? 'warning' : 'ok';
}

/** A budget as refusals name it. */
export interface Named {
  id: string;
  name: string;
  currency: string;
  kind: PeriodKind;
  limit: Limit;
}

/** 429: a request that may take `wish` does not fit into `room` any more. */
export function exhausted(budget: Named, period: Period, room: Spend, wish: Spend, at: number): Failure {
  const { limit, currency } = budget;
  const money = (amount: bigint): string => `${formatMoney(amount)} ${currency}`;
  const tokens = (count: number): Sentence => words.line('tokens', { count });
  const requests = (count: number): Sentence => words.line('requests', { count });
  const figures: (string | Sentence)[] = [];
  const takes: (string | Sentence)[] = [];
  const left: (string | Sentence)[] = [];
  const rest = atLeastNothing(room);
  if (limit.amount !== null && room.amount < wish.amount) {
    figures.push(money(limit.amount));
    takes.push(money(wish.amount));
    left.push(money(rest.amount));
  }
  if (limit.tokens !== null && room.tokens < wish.tokens) {
    figures.push(tokens(limit.tokens));
    takes.push(tokens(wish.tokens));
    left.push(tokens(rest.tokens));
  }
  if (limit.requests !== null && room.requests < wish.requests) {
    figures.push(requests(limit.requests));
    takes.push(requests(wish.requests));
    left.push(requests(rest.requests));
  }
  const end = endOf(period);
  const seconds = Math.max(Math.ceil((period.end - at) / 1000), 1);
  return failure('budget_exhausted', {
    ...words.tell('exhausted', {
      name: budget.name,
      limit: words.line(`limit_${budget.kind}`),
      figures,
      end: end === null ? words.line('endless') : words.line('ends', { end }),
      takes,
      left,
    }),
    data: { budget: budget.id, period_end: end },
    headers: {
      'retry-after': String(Math.min(seconds, 3600)),
      // OpenAI's clients wait no longer than a minute: what would be refused again they need not ask again
      ...(seconds > 60 ? { 'x-should-retry': 'false' } : {}),
    },
  });
}

/** 429: what this gateway holds of a budget is used up, and there is nobody to ask for more. */
export function unchecked(budget: Pick<Named, 'id' | 'name'>, period: Period): Failure {
  return failure('budget_exhausted', {
    ...words.tell('unchecked', { name: budget.name }),
    data: { budget: budget.id, period_end: endOf(period) },
    headers: { 'retry-after': '5' },
  });
}

const endOf = ({ end }: Period): string | null => (end === Infinity ? null : new Date(end).toISOString());
