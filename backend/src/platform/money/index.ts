/** Money in whole units of 10⁻¹² of the platform's currency: what one token costs is a whole number of them. */
export type Pico = bigint;

const scale = 1_000_000_000_000n;

const digits = 12;
/** up to here a number is exact, and faster */
const exact = BigInt(Number.MAX_SAFE_INTEGER);

/** `"12.5"` → 12_500_000_000_000n. For text of the contracts' form; throws a RangeError for any other. */
export function parseMoney(text: string): Pico {
  return parseShort(text) ?? parseLong(text);
}

/** At most fifteen digits once written in full, as what a request costs; null: for the careful way. */
function parseShort(text: string): Pico | null {
  const point = text.indexOf('.');
  const whole = point === -1 ? text.length : point;
  const fraction = point === -1 ? 0 : text.length - point - 1;
  if (whole < 1 || whole > 3 || fraction > digits || (fraction === 0 && point !== -1)) return null;
  let value = 0;
  for (let at = 0; at < text.length; at += 1) {
    if (at === point) continue;
    const digit = text.charCodeAt(at) - 48;
    if (!(digit >= 0 && digit <= 9)) return null;
    value = value * 10 + digit;
  }
  return BigInt(value * powers[digits - fraction]!);
}

const powers = Array.from({ length: digits + 1 }, (_, power) => 10 ** power);

function parseLong(text: string): Pico {
  const match = /^(-?)(\d+)(?:\.(\d{1,12}))?$/.exec(text);
  if (match === null) throw new RangeError(`not an amount: ${text}`);
  const [, sign, whole, fraction = ''] = match;
  const value = BigInt(whole!) * scale + BigInt(fraction.padEnd(digits, '0'));
  return sign === '-' ? -value : value;
}

/** 12_500_000_000_000n → `"12.5"`: no more digits than it needs, at least none after the point. */
export function formatMoney(value: Pico): string {
  if (value === 0n) return '0';
  const amount = value < 0n ? -value : value;
  const text = (amount <= exact ? String(Number(amount)) : amount.toString()).padStart(digits + 1, '0');
  const point = text.length - digits;
  let end = text.length;
  while (end > point && text.charCodeAt(end - 1) === 48) end -= 1;
  const fraction = end === point ? '' : `.${text.slice(point, end)}`;
  return `${value < 0n ? '-' : ''}${text.slice(0, point)}${fraction}`;
}

/** A price for a million tokens as what one token costs. Exact for prices of at most 6 digits after the point. */
export const perToken = (perMillion: Pico): Pico => perMillion / 1_000_000n;
