import { describe, expect, it } from 'vitest';
import { everyDay, formatPercent } from './serviceLevels.ts';

describe('SC-003: service levels', () => {
  it.each([
    [100, '100 %'],
    [99.9999, '99.999 %'],
    [99.4999, '99.49 %'],
    [99.5, '99.5 %'],
    [87.59, '87.5 %'],
    [0, '0 %'],
  ])('%d reads %s: what was missed by little does not read as reached', (percent, text) => {
    expect(formatPercent(percent, 'en')).toBe(text);
  });
  it('every day of the time is there, also those without a request', () => {
    const day = { day: '2026-02-28', requests: 5, errors: 1 };
    const time = { since: '2026-02-27T23:00:00Z', until: '2026-03-01T00:30:00Z' };
    expect(everyDay({ days: [day] }, time)).toEqual([
      { day: '2026-02-27', requests: 0, errors: 0 },
      day,
      { day: '2026-03-01', requests: 0, errors: 0 },
    ]);
  });
});
