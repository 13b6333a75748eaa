import type { Draw } from './draw.ts';

/*
 * Check digits, found here by trying which last digit fits the rule as it is written in words, and not by the scanner's own formulas:
 * a set that was made with those could not tell that they are wrong.
 */

/** "Double every second digit from the right, take the digits' sum of each, all together end in 0." */
export function withLuhn(body: string): string {
  for (const check of '0123456789') {
    const reversed = [...`${body}${check}`].toReversed();
    const parts = reversed.map((digit, at) => (at % 2 === 1 ? String(Number(digit) * 2) : digit)).join('');
    const sum = [...parts].reduce((total, digit) => total + Number(digit), 0);
    if (String(sum).endsWith('0')) return `${body}${check}`;
  }
  throw new Error('No digit fits.');
}

/** "Move the first four characters to the end, write letters as two digits, the number leaves 1 when divided by 97." */
export function withIbanCheck(country: string, account: string): string {
  const write = (text: string): string => [...text].map((character) => String(Number.parseInt(character, 36))).join('');
  const left = BigInt(`${write(account)}${write(country)}00`) % 97n;
  return `${country}${String(98n - left).padStart(2, '0')}${account}`;
}

/** Weights 2 to 9 and 2 to 5, the sum taken from the next multiple of eleven, its last digit; foreigners add two. */
export function residentNumber(draw: Draw, kind: 'citizen' | 'foreigner', form: 'checked' | 'random'): string {
  const year = form === 'random' ? 21 + draw.below(4) : 50 + draw.below(50);
  const century = form === 'random' ? 3 : 1;
  const sex = century + draw.below(2) + (kind === 'foreigner' ? 4 : 0);
  const born = `${String(year).padStart(2, '0')}${String(1 + draw.below(12)).padStart(2, '0')}${String(1 + draw.below(28)).padStart(2, '0')}`;
  const body = `${born}${sex}${kind === 'foreigner' ? `${draw.digits(2)}${draw.digits(1)}` : draw.digits(3)}${draw.digits(2)}`;
  let sum = 0;
  [2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5].forEach((weight, at) => (sum += weight * Number(body[at])));
  const toEleven = 11 - (sum - Math.floor(sum / 11) * 11);
  const check = String(toEleven + (kind === 'foreigner' ? 2 : 0)).slice(-1);
  const wrong = String((Number(check) + 1 + draw.below(8)) % 10);
  return `${born}-${body.slice(6)}${form === 'checked' ? check : wrong}`;
}

/** 1 3 7 1 3 7 1 3 5, the last product counted by its tens too; what is missing to the next ten. */
export function businessNumber(draw: Draw): string {
  const body = `${1 + draw.below(8)}${draw.digits(2)}${String(1 + draw.below(89)).padStart(2, '0')}${draw.digits(4)}`;
  const products = [...body].map((digit, at) => Number(digit) * Number('137137135'[at]));
  const last = products.at(-1)!;
  const sum = products.reduce((total, product) => total + product) + (last - (last % 10)) / 10;
  let check = 0;
  while ((sum + check) % 10 !== 0) check++;
  return `${body.slice(0, 3)}-${body.slice(3, 5)}-${body.slice(5)}${check}`;
}

/** 1 2 1 2 …; what is missing to the next ten. */
export function corporateNumber(draw: Draw): string {
  const body = `${draw.pick(['1101', '1311', '1801', '2001', '1201', '1345'])}11${draw.digits(6)}`;
  let sum = 0;
  [...body].forEach((digit, at) => (sum += at % 2 === 0 ? Number(digit) : Number(digit) + Number(digit)));
  let check = 0;
  while ((sum + check) % 10 !== 0) check++;
  return `${body.slice(0, 6)}-${body.slice(6)}${check}`;
}

/** Of a machine-readable zone: 7 3 1, letters are 10 to 35 and the filler 0. */
export function mrzCheck(field: string): string {
  let sum = 0;
  [...field].forEach((character, at) => {
    const value = character === '<' ? 0 : Number.parseInt(character, 36);
    sum += value * Number('731'[at % 3]);
  });
  return String(sum).slice(-1);
}

/** The same number with a check digit that is wrong. */
export const spoiled = (number: string): string => number.slice(0, -1) + String((Number(number.at(-1)) + 3) % 10);
