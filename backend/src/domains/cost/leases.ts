import type { Spend } from '#domains/inference';
import type { Logger } from '#platform/log';
import type { Clock } from './clock.ts';
import type { Contact } from './contact.ts';
import { askFor, fits, isNothing, minus, nothing, plus, refillBelow, refillFor } from './rules.ts';
import { change, stockOf, type Slice } from './slice.ts';
import * as store from './store-leases.ts';
import type { Executor } from './store.ts';

/** `short`: the database has less than was asked; `away`: it does not answer. */
export type Answer = 'granted' | 'short' | 'away';

export interface Leases {
  /** Asks the database for room; `done` is called once. Those who ask for the same budget at a time share one question. */
  ask(slice: Slice, wish: Spend, done: (answer: Answer) => void): void;
  /** Gets more ahead of need, unless it is being got or there was none a moment ago. */
  refill(slice: Slice): void;
  /** Takes this out of the room, and back to the database. */
  giveBack(slice: Slice, back: Spend): void;
  /** Finds out what became of changes whose answer was lost. */
  resume(): void;
  /** Resolves when nothing is under way. */
  quiet(): Promise<void>;
}

interface Asker {
  wish: Spend;
  done(answer: Answer): void;
}

/** What is under way between a slice and the database: one question at a time. */
interface Line {
  askers: Asker[];
  refill: boolean;
  /** nobody waits any longer for what is being asked */
  late: boolean;
  /** to be given back */
  back: Spend;
  /** a grant, or a return of `back`, whose answer was lost: whether it was made is found out before anything else */
  unsure: { number: number; back: Spend | null } | null;
  running: Promise<void> | null;
}

/** Slices of budgets, leased from the database and given back to it. */
export function createLeases(deps: {
  db: Executor;
  gateway: string;
  clock: Clock;
  contact: Contact;
  /** The database has no such budget that stops. */
  gone(slice: Slice): void;
  log: Logger;
  timing: { refusalMs: number; patienceMs: number; goneMs: number; contactMs: number };
}): Leases {
  const { db, gateway, clock, contact, log, timing } = deps;
  const lines = new Map<Slice, Line>();
  /** never the same twice in a process, so that a change of a lease is told from that of one that was made anew */
  let number = 0;

  const keyOf = ({ account, period }: Slice) => ({ budgetId: account.budget.id, start: period.start, gateway });

  function lineOf(slice: Slice): Line {
    let line = lines.get(slice);
    if (line === undefined) {
      line = { askers: [], refill: false, late: false, back: nothing, unsure: null, running: null };
      lines.set(slice, line);
    }
    return line;
  }

  const hasWork = ({ askers, refill, back }: Line) => askers.length > 0 || refill || !isNothing(back);

  function start(slice: Slice, line: Line): void {
    // after a microtask: what is asked for in one go of the program is asked for at once
    line.running ??= Promise.resolve()
      .then(() => run(slice, line))
      .then((ended) => {
        line.running = null;
        if (line.askers.length > 0 || (ended && hasWork(line))) start(slice, line);
        else if (line.unsure === null && isNothing(line.back)) lines.delete(slice);
      });
  }

  /** False when it broke off: what is to be given back and what is unsure wait for `resume`. */
  async function run(slice: Slice, line: Line): Promise<boolean> {
    try {
      if (line.unsure !== null) await findOut(slice, line, line.unsure);
      while (hasWork(line)) {
        await (line.askers.length > 0 || line.refill ? askOnce(slice, line) : giveOnce(slice, line));
        contact.made();
      }
      return true;
    } catch (error) {
      if (!contact.lost(error))
        log.error({ err: error, budget: slice.account.budget.name }, 'a lease could not be changed');
      line.refill = false;
      for (const { done } of line.askers.splice(0)) done('away');
      return false;
    }
  }

  function received(slice: Slice, by: Spend): void {
    change(slice, by);
    if (slice.dead) giveBack(slice, by);
  }

  async function findOut(
    slice: Slice,
    line: Line,
    { number: asked, back }: NonNullable<Line['unsure']>,
  ): Promise<void> {
    const last = await store.lastChange(db, keyOf(slice));
    line.unsure = null;
    const made = last?.number === asked;
    if (back === null && made) received(slice, last.by);
    // without a lease there is nothing to have again
    if (back !== null && !made && last !== null) received(slice, back);
  }

  async function askOnce(slice: Slice, line: Line): Promise<void> {
    const askers = line.askers.splice(0);
    line.refill = false;
    if (!slice.dead) {
      // not given back yet, so it can as well be kept
      change(slice, line.back);
      line.back = nothing;
    }
    const late = setTimeout(() => {
      line.late = true;
      for (const { done } of [...askers.splice(0), ...line.askers.splice(0)]) done('away');
    }, timing.patienceMs);
    try {
      const wishes = askers.map(({ wish }) => wish);
      const enough =
        (await exchange(slice, line, wishes)) ||
        (contact.unbrokenMs() > timing.contactMs &&
          (await store.reclaim(db, keyOf(slice), timing.goneMs)) &&
          (await exchange(slice, line, wishes)));
      for (const { done } of askers.splice(0)) done(enough ? 'granted' : 'short');
    } catch (error) {
      line.askers.unshift(...askers);
      throw error;
    } finally {
      clearTimeout(late);
      line.late = false;
    }
  }

  /** False when less was granted than was asked for. */
  async function exchange(slice: Slice, line: Line, wishes: readonly Spend[]): Promise<boolean> {
    const { limit } = slice.account.budget;
    const { asked, least } = askFor(limit, slice.room, wishes);
    const stock = stockOf(slice, clock.read(), wishes);
    const want = { number: (number += 1), asked, least, slice: refillFor(limit, slice.room, stock) };
    line.unsure = { number: want.number, back: null };
    let answer = await store.grant(db, keyOf(slice), want);
    if (answer === null) {
      await store.openPeriod(db, keyOf(slice));
      answer = await store.grant(db, keyOf(slice), want);
    }
    line.unsure = null;
    if (answer === null) {
      deps.gone(slice);
      return true;
    }
    const { granted, left } = answer;
    received(slice, granted);
    slice.stock = stock;
    slice.low = refillBelow(wishes.reduce(minus, slice.room), stock);
    slice.taken = nothing;
    slice.takes = 0;
    slice.grantedAt = clock.read();
    slice.refused = null;
    if (fits(limit, granted, asked)) return true;
    slice.refused = { until: performance.now() + timing.refusalMs, left };
    return false;
  }

  async function giveOnce(slice: Slice, line: Line): Promise<void> {
    const { back } = line;
    line.back = nothing;
    number += 1;
    line.unsure = { number, back };
    await store.giveBack(db, keyOf(slice), back, number);
    line.unsure = null;
  }

  function giveBack(slice: Slice, back: Spend): void {
    if (isNothing(back)) return;
    const line = lineOf(slice);
    change(slice, minus(nothing, back));
    line.back = plus(line.back, back);
    start(slice, line);
  }

  return {
    ask(slice, wish, done) {
      const line = lineOf(slice);
      if (line.late) return done('away');
      line.askers.push({ wish, done });
      start(slice, line);
    },
    refill(slice) {
      const line = lineOf(slice);
      if (contact.away || line.running !== null) return;
      line.refill = true;
      start(slice, line);
    },
    giveBack,
    resume() {
      for (const [slice, line] of lines) if (line.unsure !== null || !isNothing(line.back)) start(slice, line);
    },
    async quiet() {
      await Promise.all([...lines.values()].map(({ running }) => running));
    },
  };
}
