import type { Spend } from '#domains/inference';
import type { Failure } from '#platform/errors';
import {
  exhausted,
  fits,
  lesser,
  minus,
  nothing,
  plus,
  stockFor,
  type Limit,
  type Named,
  type Period,
  type ScopeType,
} from './rules.ts';

/** A budget that stops, as this gateway knows it. */
export interface Account {
  budget: Named & { scopeType: ScopeType; scopeId: string | null };
  /** reservations from then on were taken from it, by the clock of reservations */
  readonly since: number;
  /** start of a period → since when a new slice took the place of one that was lost */
  readonly dropped: Map<number, number>;
  /** of the period that is running */
  slice: Slice | null;
  /** more is spent and leased of it than its limit now allows */
  over: boolean;
}

/**
 * What this gateway holds of a budget in one period. `room` is what can still be reserved: granted, less what is reserved by requests
 * under way, less what has been spent but not been charged in the database yet (`unsettled`).
 */
export interface Slice {
  readonly account: Account;
  readonly period: Period;
  /** reservations from then on were taken from it */
  readonly since: number;
  granted: Spend;
  room: Spend;
  unsettled: Spend;
  /** refill when the room is below */
  low: Spend;
  /** what was worth holding ready when it was last granted */
  stock: Spend;
  /** since the last grant, by the clock of reservations */
  taken: Spend;
  takes: number;
  grantedAt: number;
  lastTakenAt: number;
  /** until when (`performance.now()`) what is beyond `left` in the database is refused without asking it */
  refused: { until: number; left: Limit } | null;
  /** nothing of it counts any more: its budget is gone, or its lease is */
  dead: boolean;
}

export const newSlice = (account: Account, period: Period, at: number, since: number): Slice => ({
  account,
  period,
  since,
  granted: nothing,
  room: nothing,
  unsettled: nothing,
  low: nothing,
  stock: nothing,
  taken: nothing,
  takes: 0,
  grantedAt: at,
  lastTakenAt: at,
  refused: null,
  dead: false,
});

export const hasRoom = (slice: Slice, wish: Spend): boolean => fits(slice.account.budget.limit, slice.room, wish);

export function isLow({ account, room, low }: Slice): boolean {
  const { limit } = account.budget;
  return (
    (limit.requests !== null && room.requests < low.requests) ||
    (limit.tokens !== null && room.tokens < low.tokens) ||
    (limit.amount !== null && room.amount < low.amount)
  );
}

export function take(slice: Slice, wish: Spend, at: number): void {
  slice.room = minus(slice.room, wish);
  slice.taken = plus(slice.taken, wish);
  slice.takes += 1;
  slice.lastTakenAt = at;
}

/** A reservation has ended: `unused` is what it took less than it reserved (negative: it took more). */
export function settle(slice: Slice, unused: Spend, actual: Spend): void {
  slice.room = plus(slice.room, unused);
  slice.unsettled = plus(slice.unsettled, actual);
  slice.refused = null;
}

/**
 * Events of requests that were reserved here were charged: `spent` to the budget, of which `leased` came off the lease. Where they were
 * settled with other figures than their events have, the difference makes the room smaller, never larger than what is leased.
 */
export function charged(slice: Slice, spent: Spend, leased: Spend): void {
  const { granted, unsettled, room } = slice;
  const settled = lesser(spent, unsettled);
  slice.unsettled = minus(unsettled, settled);
  slice.granted = minus(granted, leased);
  slice.room = plus(room, minus(settled, leased));
}

/** The database gave this much more, or took it back when negative. */
export function change(slice: Slice, by: Spend): void {
  slice.granted = plus(slice.granted, by);
  slice.room = plus(slice.room, by);
}

/** What is worth holding ready now, for what was taken and what waits to be. */
export const stockOf = ({ taken, takes, grantedAt }: Slice, at: number, wishes: readonly Spend[] = []): Spend =>
  stockFor(wishes.reduce(plus, taken), takes + wishes.length, at - grantedAt);

/** The room, with what the database was told to have left a moment ago; null: it was not asked. */
function within({ refused, room }: Slice): Spend | null {
  if (refused === null || refused.until < performance.now()) return null;
  const { amount, tokens, requests } = refused.left;
  return plus(room, { amount: amount ?? 0n, tokens: tokens ?? 0, requests: requests ?? 0 });
}

/** Whether it was told a moment ago that the database has too little for this. */
export function isRefused(slice: Slice, wish: Spend): boolean {
  const there = within(slice);
  return there !== null && !fits(slice.account.budget.limit, there, wish);
}

export function refusal(slice: Slice, wish: Spend, at: number): Failure {
  const { budget } = slice.account;
  const there = within(slice);
  return exhausted(
    budget,
    slice.period,
    there !== null && !fits(budget.limit, there, wish) ? there : slice.room,
    wish,
    at,
  );
}
