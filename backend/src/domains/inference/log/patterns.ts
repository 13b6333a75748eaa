import { isIPv4, isIPv6 } from 'node:net';

/** What of a match is made unreadable, from its beginning; null: it is not what it looks like. */
type Verdict = { length: number; by: string } | null;

export interface Pattern {
  /** false: there is none of it in this text, for less than a search */
  may(text: string): boolean;
  /**
   * Global. Takes time in proportion to the text: what it repeats is bounded, or begins only where the character before is not of the
   * repeated kind, so that no character is read by more than a few attempts.
   */
  form: RegExp;
  judge(match: string, after: string): Verdict;
}

const whole =
  (by: string) =>
  (match: string): Verdict => ({ length: match.length, by });
const always = (): boolean => true;
const hasDigit = (text: string): boolean => /\d/.test(text);

const keys = [
  'sk-[A-Za-z0-9_-]{16,}',
  'lo_[A-Za-z0-9_-]{20,}',
  '(?:AKIA|ASIA)[0-9A-Z]{16}',
  'gh[pousr]_[A-Za-z0-9]{20,}',
  'github_pat_[A-Za-z0-9_]{20,}',
  'glpat-[A-Za-z0-9_-]{16,}',
  'xox[abeoprs]-[A-Za-z0-9-]{10,}',
  'AIza[0-9A-Za-z_-]{35}',
  'hf_[A-Za-z0-9]{20,}',
  'npm_[A-Za-z0-9]{30,}',
  '[rsp]k_(?:live|test)_[A-Za-z0-9]{16,}',
];

/** In the order they are looked for: a token before the numbers in it. */
export const patterns: readonly Pattern[] = [
  {
    may: (text) => text.includes('eyJ'),
    form: /(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]*/g,
    judge: whole('[token]'),
  },
  { may: always, form: new RegExp(`(?<![A-Za-z0-9_-])(?:${keys.join('|')})`, 'g'), judge: whole('[key]') },
  {
    may: (text) => /b(?:earer|asic)/i.test(text),
    form: /(?<![A-Za-z0-9])(?:bearer|basic)[ \t]{1,8}[A-Za-z0-9._~+/-]{8,}={0,2}/gi,
    judge: bearer,
  },
  {
    may: (text) => text.includes('@'),
    form: /(?<![\p{L}\p{N}._%+-])[\p{L}\p{N}._%+-]+@(?:[\p{L}\p{N}-]+\.)+\p{L}{2,}/gu,
    judge: whole('[email]'),
  },
  {
    may: hasDigit,
    form: /(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,30}/g,
    judge: iban,
  },
  {
    may: hasDigit,
    form: /(?<!\d|\d[.])\d(?:[ -]?\d){12,18}(?!\d)/g,
    judge: card,
  },
  {
    may: hasDigit,
    form: /(?<!\d)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])-?[1-8]\d{6}(?!\d)/g,
    judge: residentNumber,
  },
  {
    may: (text) => text.includes('-'),
    form: /(?<![\d-])(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\d-])/g,
    judge: whole('[ssn]'),
  },
  {
    may: (text) => text.includes('+'),
    form: /(?<![\d+])\+\d(?:[ ().-]{0,2}\d){6,14}(?!\d)/g,
    judge: whole('[phone]'),
  },
  {
    may: hasDigit,
    form: /(?<![\d.-])0(?:2|[3-6][1-5]|50\d|70|80|1[016-9])[-. )]{0,2}\d{3,4}[-. ]?\d{4}(?!\d)/g,
    judge: koreanPhone,
  },
  {
    may: hasDigit,
    form: /(?<![\d.-])(?:\(\d{3}\) ?\d{3}[-. ]\d{4}|\d{3}-\d{3}-\d{4}|\d{3}\.\d{3}\.\d{4})(?![\d.-]\d|\d)/g,
    judge: whole('[phone]'),
  },
  {
    may: (text) => text.includes('.'),
    form: /(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?!\d|\.\d)/g,
    judge: (match) => (isIPv4(match) ? { length: match.length, by: '[ip]' } : null),
  },
  {
    may: (text) => text.includes(':'),
    form: /(?<![\w:])[0-9A-Fa-f:]{2,45}(?:\.\d{1,3}){0,3}(?!\w)/g,
    judge: ipv6,
  },
];

/** Words after "Bearer" are no token: one has a digit in it, or is longer than any word. */
function bearer(match: string): Verdict {
  const [scheme = '', token = ''] = match.split(/[ \t]+/);
  return /\d/.test(token) || token.length >= 24 ? { length: match.length, by: `${scheme} [token]` } : null;
}

/** Lengths of ISO 13616 by country. */
const ibanLengths = new Map(
  (
    'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 FI18 FO18 FR27 GB22 ' +
    'GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 ' +
    'MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 ' +
    'VA22 VG24 XK20'
  )
    .split(' ')
    .map((one) => [one.slice(0, 2), Number(one.slice(2))]),
);

function iban(match: string, after: string): Verdict {
  const wanted = ibanLengths.get(match.slice(0, 2).toUpperCase());
  if (wanted === undefined) return null;
  let length = 0;
  for (let letters = 0; letters < wanted && length < match.length; length += 1)
    if (match[length] !== ' ' && match[length] !== '-') letters += 1;
  const text = match.slice(0, length).replaceAll(/[ -]/g, '').toUpperCase();
  const next = match[length] ?? after;
  if (text.length < wanted || /[A-Za-z0-9]/.test(next)) return null;
  let rest = 0;
  for (const letter of text.slice(4) + text.slice(0, 4))
    for (const digit of String(Number.parseInt(letter, 36))) rest = (rest * 10 + Number(digit)) % 97;
  return rest === 1 ? { length, by: '[iban]' } : null;
}

/** Numbers that card networks give, by first digits and length. */
const cardForm =
  /^(?:4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|3[0689]\d{12}|35\d{14}|6\d{15,18})$/;

/** Groups of digits, the first of which may be a card's: where they are none, the search goes on at the second. */
function card(match: string): Verdict {
  const groups = match.split(/[ -]/);
  let digits = '';
  let length = -1;
  for (const group of groups) {
    digits += group;
    length += group.length + 1;
    if (cardForm.test(digits) && luhn(digits)) return { length, by: '[card]' };
  }
  return null;
}

function luhn(digits: string): boolean {
  let sum = 0;
  for (let place = 0; place < digits.length; place += 1) {
    const digit = Number(digits[digits.length - 1 - place]);
    const weighed = place % 2 === 1 ? digit * 2 : digit;
    sum += weighed > 9 ? weighed - 9 : weighed;
  }
  return sum % 10 === 0;
}

/** Those given since October 2020 have no check digit: written with a dash, the form alone tells. */
function residentNumber(match: string): Verdict {
  const digits = match.replace('-', '');
  const sum = Array.from(digits.slice(0, 12), Number).reduce(
    (total, digit, place) => total + digit * ((place % 8) + 2),
    0,
  );
  const checks = (11 - (sum % 11)) % 10 === Number(digits[12]);
  return checks || match.includes('-') ? { length: match.length, by: '[resident number]' } : null;
}

/** Without separators only those of mobile and internet telephones: other digits may be anything. */
function koreanPhone(match: string): Verdict {
  return /\D/.test(match) || /^(?:01|070)/.test(match) ? { length: match.length, by: '[phone]' } : null;
}

/** `a::b` may be a name in a program; an address has a digit or three colons. A colon after it is the sentence's. */
function ipv6(match: string): Verdict {
  const text = match.endsWith(':') && !match.endsWith('::') ? match.slice(0, -1) : match;
  const colons = text.split(':').length - 1;
  if (colons < 2 || !isIPv6(text)) return null;
  return /\d/.test(text) || colons > 2 ? { length: text.length, by: '[ip]' } : null;
}
