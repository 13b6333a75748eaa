import { isDeepStrictEqual } from 'node:util';
import type { Drifted } from '#ports/runtime';
import { driftWords } from '../sentences.ts';
import type { Condition } from '../types.ts';

/** What others have changed of an endpoint's objects, as it is remembered. */
export interface DriftRecord {
  /** empty: nothing any more, but how often it was put back is still known */
  found: readonly Drifted[];
  /** RFC 3339: when it was seen first */
  since: string;
  /** how often something was put back without an hour's peace in between */
  repairs: number;
  /** when that was last; null: never */
  repairedAt: string | null;
  /** `found` was not put back: it is to be later, or never */
  waiting?: boolean;
  /** why it could not be put back then; null: it was */
  problem: string | null;
}

/** `record` is to be remembered; `repair`: what is wanted is to be applied again first. */
export interface DriftStep {
  record: DriftRecord | null;
  repair: boolean;
}

const peaceMs = 3_600_000;

/**
 * What to do about what is seen. At once the first time; something that changes it again and again is answered after 10, 20, 40 … s, up to
 * ten minutes, so that two who disagree do not fill the log. null: nothing. Pure.
 */
export function driftStep(
  known: DriftRecord | null,
  seen: readonly Drifted[],
  options: { now: Date; repair: boolean },
): DriftStep | null {
  const now = options.now.getTime();
  const last = known?.repairedAt ? Date.parse(known.repairedAt) : null;
  if (seen.length === 0) {
    if (known === null) return null;
    const told = last !== null && known.problem === null && now - last < peaceMs;
    // what was put back stays told for an hour; what somebody else put right is over
    if (!told) return { record: null, repair: false };
    return known.waiting === true ? { record: { ...known, found: [], waiting: false }, repair: false } : null;
  }
  if (options.repair && now >= dueAt(known)) return { record: putBack(known, seen, options.now), repair: true };
  // the database keeps the fields in an order of its own
  if (known?.waiting === true && isDeepStrictEqual(known.found, seen)) return null;
  const isNew = known === null || known.found.length === 0;
  const record = {
    found: seen,
    since: isNew ? options.now.toISOString() : known.since,
    repairs: known?.repairs ?? 0,
    repairedAt: known?.repairedAt ?? null,
    waiting: true,
    problem: known?.problem ?? null,
  };
  return { record, repair: false };
}

/** What was found, as put back now. */
export function putBack(known: DriftRecord | null, found: readonly Drifted[], now: Date): DriftRecord {
  const isNew = known === null || known.found.length === 0 || known.repairedAt !== null;
  return {
    found,
    since: isNew ? now.toISOString() : known.since,
    repairs: (known?.repairs ?? 0) + 1,
    repairedAt: now.toISOString(),
    waiting: false,
    problem: null,
  };
}

/** From when on it may be put back (again). */
function dueAt(known: DriftRecord | null): number {
  if (known === null || known.repairedAt === null) return 0;
  return Date.parse(known.repairedAt) + Math.min(10_000 * 2 ** (known.repairs - 1), 600_000);
}

/** What people are told of it. */
export function driftConditions(record: DriftRecord | null, environment: string, repairs: boolean): Condition[] {
  if (record === null || record.found.length === 0) return [];
  const [first] = record.found;
  const more = record.found.length - 3;
  const parts = record.found.slice(0, 3).map(tell);
  const what = more > 0 ? [...parts, driftWords.line('more', { count: more })] : parts;
  const { since } = record;
  const one = (reason: string, told: Pick<Condition, 'message' | 'remedy' | 'said'>): Condition[] => [
    { type: 'Drift', reason, ...told, since },
  ];
  if (record.problem !== null)
    return one('RepairFailed', driftWords.tell('not_repaired', { what, cause: record.problem }));
  const { repairs: times } = record;
  if (record.repairedAt !== null && record.waiting !== true) {
    if (times > 2) return one('Contested', driftWords.tell('contested', { what, times }));
    return one(
      'Repaired',
      times > 1 ? driftWords.tell('repaired_again', { what, times }) : driftWords.tell('repaired', { what }),
    );
  }
  return one(
    first?.path === '' ? 'ObjectDeleted' : 'ObjectChanged',
    !repairs
      ? driftWords.tell('left', { what, environment })
      : times === 0
        ? driftWords.tell('repairing', { what })
        : driftWords.tell('waits', { what, times, time: new Date(dueAt(record)).toISOString() }),
  );
}

function tell({ object, path, wanted, found, by, at }: Drifted) {
  const facts = {
    object,
    who: by === null ? '' : driftWords.line('by', { name: by }),
    when: at === null ? '' : driftWords.line('at', { time: at }),
  };
  if (path === '') return driftWords.line('gone', facts);
  if (wanted === null && found === null) return driftWords.line('changed', { ...facts, path });
  if (found === null) return driftWords.line('taken_out', { ...facts, path });
  const [is, should] = apart(found, wanted);
  return driftWords.line('differs', { ...facts, path, found: short(is), wanted: short(should) });
}

/** Of two lists the part that differs, from the entry before: an option stands before its value. */
function apart(found: unknown, wanted: unknown): [unknown, unknown] {
  if (!Array.isArray(found) || !Array.isArray(wanted)) return [found, wanted];
  const least = Math.min(found.length, wanted.length);
  let head = 0;
  while (head < least && isDeepStrictEqual(found[head], wanted[head])) head += 1;
  let tail = 0;
  while (tail < least - head && isDeepStrictEqual(found.at(-1 - tail), wanted.at(-1 - tail))) tail += 1;
  const from = Math.max(0, head - 1);
  return [found.slice(from, found.length - tail), wanted.slice(from, wanted.length - tail)];
}

function short(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > 120 ? `${text.slice(0, 117)}…` : text;
}
