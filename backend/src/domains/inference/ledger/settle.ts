import { unavailable, type Db } from '#platform/db';
import type { Logger } from '#platform/log';
import { parseMoney } from '#platform/money';
import { inTurns } from '#platform/turns';
import type { Charge } from '../spending.ts';
import type { UsageEvent } from '../usage.ts';
import { dateOf, dayMs, dayOf, msOf, slackMs, timeOf, type Day } from './days.ts';
import type { Partitions } from './partitions.ts';
import { createRollup } from './rollup.ts';
import {
  addEndpointHours,
  addHours,
  addMinutes,
  createEventColumns,
  insertDeadLetters,
  insertEvents,
  type DeadLetter,
} from './store.ts';

export interface Settler {
  /**
   * Puts events into the database, once by id, with what they add to the sums and to budgets; what can never be settled becomes a dead
   * letter. False: nothing of it is known to be in, give the same events again.
   */
  settle(events: readonly UsageEvent[], options?: { charged?: boolean }): Promise<boolean>;
}

/** A commit whose answer was lost: whether it happened shows when the same events are inserted again. */
interface Uncertain {
  events: string;
  settled(): void;
}

/** SQLSTATE classes that say that a value, and no moment, is wrong: data, constraints, program limits. */
const poison = /^(22|23|54)/;
/** a partition is missing */
const noPartition = '23514';
const retryAtOnce = new Set(['40001', '40P01']);
const tries = 5;

export function createSettler(deps: { db: Db; partitions: Partitions; charge: Charge; log: Logger }): Settler {
  const { db, partitions, log } = deps;
  let uncertain: Uncertain | null = null;
  /** of the last failure, so that one that lasts is told once */
  let told: string | null = null;

  async function insert(events: readonly UsageEvent[], charge: Charge): Promise<void> {
    const name = `${events[0]!.id} ${events.at(-1)!.id} ${events.length}`;
    const before = uncertain?.events === name ? uncertain : null;
    const { parameters, rows } = await prepared(events);
    let after = (): void => {};
    let fresh: readonly UsageEvent[] = [];
    let ready = false;
    try {
      await db.kysely.transaction().execute(async (trx) => {
        fresh = await insertEvents(trx, events, parameters);
        if (fresh.length > 0) {
          const { minutes, hours, endpoints } = fresh === events ? rows : (await prepared(fresh)).rows;
          // it pauses, so before the sums, on whose rows other gateways wait
          after = await charge(trx, fresh);
          await addMinutes(trx, minutes);
          await addHours(trx, hours);
          if (endpoints.length > 0) await addEndpointHours(trx, endpoints);
        }
        ready = true;
      });
    } catch (error) {
      if (ready && fresh.length > 0) uncertain = { events: name, settled: after };
      throw error;
    }
    if (before !== null) uncertain = null;
    try {
      // none of them was new: the commit before, whose answer was lost, did happen
      (fresh.length === 0 && before !== null ? before.settled : after)();
    } catch (error) {
      log.error({ err: error }, 'what follows a settlement failed; the settlement itself stands');
    }
  }

  /** Halves what the database refuses until the event that it refuses is alone. */
  async function divide(events: readonly UsageEvent[], charge: Charge): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await insert(events, charge);
      } catch (error) {
        const code = stateOf(error);
        if (retryAtOnce.has(code) && attempt < tries) continue;
        if (!poison.test(code) || isMissingPartition(error)) throw error;
        if (events.length === 1) return await bury([letterOf(events[0]!, 'refused', (error as Error).message)]);
        const middle = events.length >> 1;
        await divide(events.slice(0, middle), charge);
        await divide(events.slice(middle), charge);
        return;
      }
    }
  }

  async function bury(letters: readonly DeadLetter[]): Promise<void> {
    if (letters.length === 0) return;
    await insertDeadLetters(db.kysely, letters);
    for (const { id, reason, detail } of letters)
      log.error({ id, reason, detail }, 'a usage event became a dead letter');
  }

  async function work(events: readonly UsageEvent[], charge: Charge): Promise<void> {
    const letters: DeadLetter[] = [];
    const sound = new Map<Day, UsageEvent[]>();
    await inTurns(events, (event) => {
      const time = timeOf(event.id);
      const at = msOf(event.at);
      const problem = time === null ? 'its id is not a UUID of version 7' : problemOf(event, at);
      if (problem !== null) {
        letters.push(letterOf(event, 'invalid', problem));
        return;
      }
      const day = dayOf(time!);
      const ofDay = sound.get(day);
      const own = near(event, dayMs);
      if (ofDay === undefined) sound.set(day, [own]);
      else ofDay.push(own);
    });
    const stateOf = await partitions.prepare(sound.keys());
    const open: UsageEvent[] = [];
    for (const [day, ofDay] of sound) {
      const state = stateOf(day);
      const lost = (reason: DeadLetter['reason'], detail: string) =>
        letters.push(...ofDay.map((event) => letterOf(event, reason, detail)));
      if (state === 'open') for (const event of ofDay) open.push(event);
      else if (state === 'closed') lost('archived', `${dateOf(day)} is in the archive`);
      else lost('future', `${dateOf(day)} is too far ahead`);
    }
    if (open.length > 0) await divide(open, charge);
    await bury(letters);
  }

  function tell(error: unknown): void {
    const { message } = error as Error;
    if (unavailable(error) && told === null)
      log.warn({ err: error }, 'usage is kept in the journal until the database answers');
    if (!unavailable(error) && told !== message)
      log.error({ err: error }, 'usage cannot be settled; it is tried again');
    told = message;
  }

  return {
    async settle(events, { charged = true } = {}) {
      if (events.length === 0) return true;
      try {
        await work(events, charged ? deps.charge : async () => () => {});
        if (told !== null) log.info('usage is settled again');
        told = null;
        return true;
      } catch (error) {
        if (isMissingPartition(error)) partitions.forget();
        else tell(error);
        return false;
      }
    },
  };
}

/** All that takes long is made before the transaction, which others wait for. */
async function prepared(events: readonly UsageEvent[]) {
  const columns = createEventColumns(events.length);
  const rollup = createRollup();
  await inTurns(events, (event) => {
    const row = near(event, slackMs);
    columns.add(row);
    rollup.add(row);
  });
  return { parameters: columns.parameters(), rows: rollup.rows() };
}

/** What no database would take, or what the sums could not be made of; null when it is sound. */
function problemOf(event: UsageEvent, at: number): string | null {
  if (Number.isNaN(at)) return 'its time is not a time';
  if (!isInteger(event.prompt_tokens) || !isInteger(event.completion_tokens))
    return 'its tokens are not a number of them';
  try {
    if (event.cost !== '0') parseMoney(event.cost);
  } catch {
    return 'its cost is not an amount';
  }
  return null;
}

/** as the columns are: of 32 bits */
const isInteger = (value: unknown): boolean => typeof value === 'number' && (value | 0) === value;

/**
 * An event whose own time is further than that from its id's, at its id's. Lists find it by both, which therefore lie close; budgets are charged
 * by its own, which is the database's wherever the gateway's clock stands, as long as that is no nonsense.
 */
function near(event: UsageEvent, mostMs: number): UsageEvent {
  const time = timeOf(event.id)!;
  return Math.abs(msOf(event.at) - time) <= mostMs ? event : { ...event, at: new Date(time).toISOString() };
}

function letterOf(event: UsageEvent, reason: DeadLetter['reason'], detail: string): DeadLetter {
  return { id: plain(String(event.id)), reason, detail: plain(detail), event: JSON.stringify(event) };
}

/** JSON escapes them, so that only text that is stored bare must lose them. */
const plain = (text: string): string => text.replaceAll('\u0000', '\ufffd').toWellFormed();

/** SQLSTATE, or '' */
function stateOf(error: unknown): string {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : '';
}

const isMissingPartition = (error: unknown): boolean =>
  stateOf(error) === noPartition && /no partition of relation/.test((error as Error).message);
