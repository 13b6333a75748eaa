import type { ObjectivesView } from '@llm-ops/contracts';

const dayMs = 86_400_000;

/** Percent as they are judged: never rounded up to what was not reached. */
export function formatPercent(percent: number, locale: string): string {
  const digits = percent >= 99.9 ? 3 : percent >= 90 ? 2 : 1;
  const cut = Math.floor(percent * 10 ** digits + 1e-6) / 10 ** digits;
  return `${cut.toLocaleString(locale, { maximumFractionDigits: digits })} %`;
}

/** Every day of the time, those on which nothing was asked as zeros. */
export function everyDay(
  { days }: Pick<ObjectivesView['endpoints'][number], 'days'>,
  { since, until }: Pick<ObjectivesView, 'since' | 'until'>,
): { day: string; requests: number; errors: number }[] {
  const known = new Map(days.map((day) => [day.day, day]));
  const first = Math.floor(Date.parse(since) / dayMs);
  const last = Math.floor(Date.parse(until) / dayMs);
  return Array.from({ length: last - first + 1 }, (_, index) => {
    const day = new Date((first + index) * dayMs).toISOString().slice(0, 10);
    return known.get(day) ?? { day, requests: 0, errors: 0 };
  });
}
