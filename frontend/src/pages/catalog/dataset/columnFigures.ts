import type { ColumnProfile } from '@llm-ops/contracts';

export interface Bar {
  label: string;
  count: number;
}

/** 1234567.891 → `1,234,568`, 0.01234 → `0.0123`, whole numbers as they are. */
export function figure(value: number, locale: string): string {
  const options: Intl.NumberFormatOptions =
    Number.isInteger(value) || Math.abs(value) >= 1000 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 };
  return new Intl.NumberFormat(locale, options).format(value);
}

/** What is drawn of a column: its most frequent values where they are few, else how its numbers, or the lengths of its texts, spread. */
export function barsOf(
  profile: ColumnProfile,
  locale: string,
): { kind: 'values' | 'numbers' | 'lengths'; bars: Bar[] } {
  const isNumber = profile.type === 'integer' || profile.type === 'number';
  if (profile.values.length > 0 && !(isNumber && profile.bins.length > 1))
    return { kind: 'values', bars: profile.values.map(({ value, count }) => ({ label: value, count })) };
  return {
    kind: isNumber ? 'numbers' : 'lengths',
    bars: profile.bins.map(({ from, to, count }) => ({
      label: from === to ? figure(from, locale) : `${figure(from, locale)} – ${figure(to, locale)}`,
      count,
    })),
  };
}
