/** Amounts are decimal texts, because money is exact and numbers are not. */
const decimalForm = /^(-?)(\d+)(?:\.(\d*))?$/;

/**
 * An amount as people read it: the currency's own digits, and three that count where it is small: `$12.50`, `$0.00012`. Text that is no
 * decimal is shown as it is.
 */
export function formatMoney(amount: string, currency: string, locale: string): string {
  const match = decimalForm.exec(amount);
  if (!match) return `${amount} ${currency}`;
  const [, , whole = '0', fraction = ''] = match;
  const own = fractionDigits(currency);
  const wholeDigits = whole.replace(/^0+/, '').length;
  const zeros = /^0*/.exec(fraction)?.[0].length ?? 0;
  const counting = wholeDigits > 0 ? 3 - wholeDigits : zeros + 3;
  return format(amount, currency, locale, own, Math.min(Math.max(own, counting), 20));
}

/** An amount with every digit it has, as a calculation needs it. */
export function formatExactMoney(amount: string, currency: string, locale: string): string {
  const match = decimalForm.exec(amount);
  if (!match) return `${amount} ${currency}`;
  const own = fractionDigits(currency);
  return format(amount, currency, locale, own, Math.min(Math.max(own, match[3]?.length ?? 0), 20));
}

function format(amount: string, currency: string, locale: string, least: number, most: number): string {
  return new Intl.NumberFormat(locale, {
    style: 'currency',
    currency,
    minimumFractionDigits: least,
    maximumFractionDigits: most,
    // the text itself: a number would lose digits
  }).format(amount as Intl.StringNumericLiteral);
}

function fractionDigits(currency: string): number {
  return new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2;
}

const scale = 12;

/** What so many tokens cost at a price for a million, exactly: `tokenCost(1500, '0.15')` → `"0.000225"`. Null for what is no decimal. */
export function tokenCost(tokens: number, perMillion: string): string | null {
  const price = unitsOf(perMillion);
  return price === null || !Number.isSafeInteger(tokens) ? null : textOf((price * BigInt(tokens)) / 1_000_000n);
}

/** The exact sum. Null when one of them is no decimal. */
export function addMoney(...amounts: string[]): string | null {
  let sum = 0n;
  for (const amount of amounts) {
    const units = unitsOf(amount);
    if (units === null) return null;
    sum += units;
  }
  return textOf(sum);
}

export function isZero(amount: string): boolean {
  return unitsOf(amount) === 0n;
}

/** Whole units of 10⁻¹². */
function unitsOf(amount: string): bigint | null {
  const match = decimalForm.exec(amount);
  if (!match || (match[3]?.length ?? 0) > scale) return null;
  const units = BigInt((match[2] ?? '0') + (match[3] ?? '').padEnd(scale, '0'));
  return match[1] === '-' ? -units : units;
}

function textOf(units: bigint): string {
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0');
  const fraction = digits.slice(-scale).replace(/0+$/, '');
  return `${units < 0n ? '-' : ''}${digits.slice(0, -scale)}${fraction === '' ? '' : `.${fraction}`}`;
}
