import { corporateNumber, luhn } from './checksums.ts';
import { replacementSeed } from './fingerprint.ts';

const givenNames = [
  'mina',
  'jun',
  'sora',
  'alex',
  'dana',
  'haneul',
  'robin',
  'yuna',
  'sam',
  'jiho',
  'kim',
  'nari',
  'taylor',
  'eun',
  'chris',
  'bora',
];
const familyNames = [
  'park',
  'lee',
  'choi',
  'stone',
  'han',
  'reed',
  'yoon',
  'fields',
  'seo',
  'brook',
  'kang',
  'hill',
  'moon',
  'wells',
  'shin',
  'lake',
];
const koreanNames = [
  '김가온',
  '이나래',
  '박다솔',
  '최라온',
  '정마루',
  '강바다',
  '조새론',
  '윤아름',
  '장이든',
  '임초롱',
  '한터울',
  '오푸름',
  '서하람',
  '신노을',
  '권도담',
  '황보람',
];

/** Bytes as a row of small numbers, which begins again after 32. */
function createDraw(seed: Buffer) {
  let at = 0;
  const draw = (below: number): number => {
    const value = seed.readUInt16BE(at);
    at = (at + 2) % seed.length;
    return value % below;
  };
  return { draw, digits: (count: number) => Array.from({ length: count }, () => draw(10)).join('') };
}
type Draw = ReturnType<typeof createDraw>;

/**
 * Something of the same kind in place of a value, the same for the same value under a key. It is made so that it can be nobody's, by what
 * the registries keep free or cannot give out, so no scan takes it for real. Null: there is nothing plausible for this type.
 */
export function pseudonymOf(key: string, type: string, given: string): string | null {
  const source = createDraw(replacementSeed(key, type, given));
  // digits of full width are digits too
  const value = given.normalize('NFKC');
  const { draw, digits } = source;
  switch (type) {
    case 'email': // RFC 2606 keeps .example free
      return `${givenNames[draw(16)]}.${familyNames[draw(16)]}${digits(4)}@mail.example`;
    case 'phone':
      return phone(value, source);
    case 'credit_card':
      return fill(value, cardNumber(value.replaceAll(/\D/g, '').length, source));
    case 'iban': // check digits are 02 to 98
      return refill(value, `${value.slice(0, 2)}00${digits(32)}`);
    case 'us_ssn': // areas of 900 and above are not given out
      return fill(value, `9${digits(8)}`);
    case 'kr_rrn':
    case 'kr_foreigner':
    case 'kr_corp':
      return fill(value, thirteen(type, source));
    case 'kr_brn': // none begins with 0
      return fill(value, `0${digits(9)}`);
    case 'passport':
      return value.includes('<') ? null : `XX${digits(7)}`;
    case 'ip_address': // 240.0.0.0/4 is reserved, fd00::/8 private
      return value.includes(':')
        ? `fd${hex(source, 2)}:${hex(source, 4)}:${hex(source, 4)}::${1 + draw(9)}`
        : `240.${draw(256)}.${draw(256)}.${1 + draw(254)}`;
    case 'address':
      return /\p{Script=Hangul}/u.test(value)
        ? `서울특별시 가명구 예시로 ${1 + draw(999)}`
        : `${1 + draw(9999)} Example Street`;
    case 'person':
      return /\p{Script=Hangul}/u.test(value)
        ? koreanNames[draw(16)]!
        : `${capital(givenNames[draw(16)]!)} ${capital(familyNames[draw(16)]!)}`;
    default:
      return null;
  }
}

/** 010-0 and the area code 555 are given to nobody. */
function phone(value: string, { digits }: Draw): string {
  const count = value.replaceAll(/\D/g, '').length;
  if (value.startsWith('+82')) return `+82 10-0${digits(3)}-${digits(4)}`;
  if (value.startsWith('+')) return `+1 555-${digits(3)}-${digits(4)}`;
  if (value.replaceAll(/\D/g, '').startsWith('0'))
    return count === 11 ? fill(value, `0100${digits(7)}`) : `010-0${digits(3)}-${digits(4)}`;
  return fill(value, count === 11 ? `1555${digits(7)}` : `555${digits(7)}`);
}

/** There is no month 13 to 19; nor does the check digit of a corporation's number fit. */
function thirteen(type: string, { draw, digits }: Draw): string {
  const seventh = type === 'kr_rrn' ? 1 + draw(4) : type === 'kr_foreigner' ? 5 + draw(4) : draw(10);
  const number = `${digits(2)}1${3 + draw(7)}${draw(3)}${draw(10)}${seventh}${digits(6)}`;
  const last = Number(number[12]);
  return corporateNumber(Array.from(number, Number)) ? `${number.slice(0, 12)}${(last + 1) % 10}` : number;
}

/** 400000 is for tests; the check digit is right. */
function cardNumber(length: number, { digits }: Draw): string {
  const body = `400000${digits(length - 7)}`;
  const fits = (check: number): boolean => luhn(Array.from(`${body}${check}`, Number), length);
  return `${body}${[0, 1, 2, 3, 4, 5, 6, 7, 8, 9].find(fits)}`;
}

/** Puts digits where digits stand, so that spaces and hyphens stay; what is too few goes on behind. */
function fill(value: string, digits: string): string {
  const places = value.replaceAll(/\D/g, '').length;
  if (places > digits.length) return digits;
  let at = 0;
  return value.replaceAll(/\d/g, () => digits[at++]!);
}

/** The same for letters and digits. */
function refill(value: string, characters: string): string {
  let at = 0;
  return value.replaceAll(/[A-Za-z0-9]/g, () => characters[at++]!);
}

const hex = ({ draw }: Draw, count: number): string =>
  Array.from({ length: count }, () => draw(16).toString(16)).join('');
const capital = (word: string): string => word.slice(0, 1).toUpperCase() + word.slice(1);
