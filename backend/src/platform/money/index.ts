/** Money in whole units of 10⁻¹² of the platform's currency: what one token costs is a whole number of them. */
export type Pico = bigint;

const scale = 1_000_000_000_000n;

/** `"12.5"` → 12_500_000_000_000n. For text of the contracts' form; throws a RangeError for any other. */
export function parseMoney(text: string): Pico {
  const match = /^(-?)(\d+)(?:\.(\d{1,12}))?$/.exec(text);
  if (match === null) throw new RangeError(`not an amount: ${text}`);
  const [, sign, whole, fraction = ''] = match;
  const value = BigInt(whole!) * scale + BigInt(fraction.padEnd(12, '0'));
  return sign === '-' ? -value : value;
}

/** 12_500_000_000_000n → `"12.5"`: no more digits than it needs, at least none after the point. */
export function formatMoney(value: Pico): string {
  const digits = (value < 0n ? -value : value).toString().padStart(13, '0');
  const fraction = digits.slice(-12).replace(/0+$/, '');
  return `${value < 0n ? '-' : ''}${digits.slice(0, -12)}${fraction === '' ? '' : `.${fraction}`}`;
}

/** A price for a million tokens as what one token costs. Exact for prices of at most 6 digits after the point. */
export const perToken = (perMillion: Pico): Pico => perMillion / 1_000_000n;
