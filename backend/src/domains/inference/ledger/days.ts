/** Days of UTC, counted from the epoch: what usage and captured content are partitioned by. */
export type Day = number;

export const dayMs = 86_400_000;
export const minuteMs = 60_000;
export const hourMs = 3_600_000;

const form = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** The milliseconds since the epoch that a UUID of version 7 begins with; null for any other text. */
export const timeOf = (id: string): number | null =>
  form.test(id) ? Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16) : null;

let lastAt = '';
let lastMs = NaN;

/** Milliseconds since the epoch of an RFC 3339 time; NaN for any other text. Many events are of the same millisecond. */
export function msOf(at: string): number {
  if (at !== lastAt) {
    lastMs = Date.parse(at);
    lastAt = at;
  }
  return lastMs;
}

export const dayOf = (ms: number): Day => Math.floor(ms / dayMs);

/** `2026-01-31` */
export const dateOf = (day: Day): string => new Date(day * dayMs).toISOString().slice(0, 10);

/** The lowest UUID that begins with that time: a bound of ranges and partitions. Times before the epoch are the epoch. */
export function firstIdAt(ms: number): string {
  const hex = Math.max(0, Math.floor(ms)).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
}

/** An event's own time may differ from its id's, whose clock never goes back, by this at most: the ledger sees to it, so that ids order events. */
export const slackMs = 60_000;

/** Ids of all events of a time; exact times are a matter of `at`. */
export const idsBetween = (since: Date, until: Date): { from: string; to: string } => ({
  from: firstIdAt(since.getTime() - slackMs),
  to: firstIdAt(until.getTime() + slackMs),
});
