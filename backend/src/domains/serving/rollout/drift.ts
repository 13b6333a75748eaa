import type { Drifted } from '#ports/runtime';
import { driftWords } from '../sentences.ts';
import type { Condition } from '../types.ts';

/** What others have changed of an endpoint's objects, as it is remembered. */
export interface DriftRecord {
  found: readonly Drifted[];
  /** RFC 3339: when it was seen first */
  since: string;
  /** how often it was put back without an hour's peace in between */
  repairs: number;
  /** null: it was left as it is */
  repairedAt: string | null;
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
    // what was put back stays told for an hour; what somebody else put right is over
    const told = last !== null && known.problem === null && now - last < peaceMs;
    return told ? null : { record: null, repair: false };
  }
  const repairs = known?.repairs ?? 0;
  const due = options.repair && (last === null || now - last >= Math.min(10_000 * 2 ** (repairs - 1), 600_000));
  const fresh = known === null || known.found.length === 0 || (last !== null && due);
  const record = {
    found: seen,
    since: fresh ? options.now.toISOString() : known!.since,
    repairs: due ? repairs + 1 : repairs,
    repairedAt: due ? options.now.toISOString() : (known?.repairedAt ?? null),
    problem: due ? null : (known?.problem ?? null),
  };
  if (due) return { record, repair: true };
  const same = known !== null && JSON.stringify(known.found) === JSON.stringify(seen);
  return same ? null : { record, repair: false };
}

/** What people are told of it. */
export function driftConditions(record: DriftRecord | null, environment: string, repairs: boolean): Condition[] {
  if (record === null) return [];
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
  if (record.repairedAt !== null) {
    const { repairs: times } = record;
    if (times > 2) return one('Contested', driftWords.tell('contested', { what, times }));
    return one(
      'Repaired',
      times > 1 ? driftWords.tell('repaired_again', { what, times }) : driftWords.tell('repaired', { what }),
    );
  }
  return one(
    first?.path === '' ? 'ObjectDeleted' : 'ObjectChanged',
    repairs ? driftWords.tell('repairing', { what }) : driftWords.tell('left', { what, environment }),
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
  return driftWords.line('differs', { ...facts, path, found: short(found), wanted: short(wanted) });
}

function short(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > 120 ? `${text.slice(0, 117)}…` : text;
}
