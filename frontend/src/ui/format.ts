const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** 1536 → `1.5 KiB` */
export function formatBytes(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), units.length - 1);
  const value = bytes / 1024 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}

/** 1_234_567 → `1.2M` */
export function formatCount(count: number, locale: string): string {
  return new Intl.NumberFormat(locale, { notation: 'compact', maximumFractionDigits: 1 }).format(count);
}

/** 0.0123 → `1.2 %`; small shares keep a digit that counts. Here as below number and unit stay on one line. */
export function formatShare(share: number, locale: string): string {
  const percent = share * 100;
  const digits = percent !== 0 && percent < 10 ? 1 : 0;
  if (percent > 0 && percent < 0.1) return `<${formatNumber(0.1, locale)}\u00a0%`;
  return `${new Intl.NumberFormat(locale, { maximumFractionDigits: digits }).format(percent)}\u00a0%`;
}

/** 1234.5 → `1,235`, 3.14 → `3.1`, 0.0213 → `0.021`: two digits that count, or all whole ones. */
export function formatNumber(value: number, locale: string): string {
  const options: Intl.NumberFormatOptions =
    value >= 10 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 2 };
  return new Intl.NumberFormat(locale, options).format(value);
}

/** 250 → `250 ms`, 1500 → `1.5 s`, 90_000 → `90 s`, 600_000 → `10 min` */
export function formatDuration(ms: number, locale: string): string {
  const [value, unit] = ms < 1000 ? [ms, 'ms'] : ms < 120_000 ? [ms / 1000, 's'] : [ms / 60_000, 'min'];
  const digits = unit === 'ms' ? (ms < 10 ? 1 : 0) : value < 10 ? 2 : 1;
  return `${new Intl.NumberFormat(locale, { maximumFractionDigits: digits }).format(value)}\u00a0${unit}`;
}

const steps: [Intl.RelativeTimeFormatUnit, number][] = [
  ['second', 60],
  ['minute', 60],
  ['hour', 24],
  ['day', 30],
  ['month', 12],
  ['year', Number.POSITIVE_INFINITY],
];

/** How long ago (or ahead) `time` is of `now`: `3 minutes ago`. Less than a minute ahead is now: clocks differ and screens lag. */
export function formatRelative(time: string, now: number, locale: string): string {
  let amount = (Date.parse(time) - now) / 1000;
  if (amount > 0 && amount < 60) amount = 0;
  for (const [unit, size] of steps) {
    if (Math.abs(amount) < size) {
      return new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style: 'short' }).format(Math.round(amount), unit);
    }
    amount /= size;
  }
  return time;
}

/** The time of day, to the second; of another day its date too. */
export function formatClock(time: string, now: number, locale: string): string {
  const date = new Date(time);
  const sameDay = date.toDateString() === new Date(now).toDateString();
  const clock = new Intl.DateTimeFormat(locale, { timeStyle: 'medium', hourCycle: 'h23' }).format(date);
  return sameDay
    ? clock
    : `${new Intl.DateTimeFormat(locale, { month: 'short', day: 'numeric' }).format(date)}, ${clock}`;
}

/** Local date and time to the second, with the zone: what is copied into a ticket means the same elsewhere. */
export function formatTime(time: string, locale: string): string {
  return new Intl.DateTimeFormat(locale, {
    year: 'numeric',
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    timeZoneName: 'short',
  }).format(Date.parse(time));
}
