import { isAlphanumeric, isDigit, isLetter, isLower, isSpace, isUpper, isWord, lower } from '../characters.ts';
import type { Findings } from '../types.ts';

const list = (text: string): ReadonlySet<string> => new Set(text.split(' '));
const suffixes = list(
  'street st avenue ave road rd boulevard blvd lane ln drive dr court ct way place pl square sq terrace ter parkway pkwy circle cir highway hwy broadway trail trl alley aly crescent close',
);
const directions = list('n s e w ne nw se sw north south east west');
const units = list('apt apartment suite ste unit floor fl rm room #');
const states = list(
  'AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY PR',
);
const WORDS = 5;

/** `742 Evergreen Terrace, Apt 3, Springfield, OR 97403`, seen from its number. */
export function detectUsAddress(codes: Uint16Array, at: number, end: number, findings: Findings): void {
  // 221B Baker Street
  const first = isUpper(codes[end]!) && isSpace(codes[end + 1]!) ? end + 2 : isSpace(codes[end]!) ? end + 1 : 0;
  if (first === 0 || !isAlphanumeric(codes[first]!)) return;
  let names = 0;
  let street = 0;
  for (let words = 0, start = first; words < WORDS; words++) {
    const wordEnd = endOfWord(codes, start);
    // a name, or an ordinal: 42nd
    if (!isUpper(codes[start]!) && !(isDigit(codes[start]!) && isLower(codes[wordEnd - 1]!))) break;
    const word = textOfWord(codes, start, wordEnd);
    // of `Park Avenue Drive` the last one counts
    if (suffixes.has(word) && (names > 0 || word === 'broadway')) street = wordEnd;
    else if (street > 0) break;
    if (!directions.has(word)) names++;
    if (names === 1 && word === 'example') return;
    start = codes[wordEnd] === 46 ? wordEnd + 1 : wordEnd;
    if (!isSpace(codes[start]!)) break;
    start++;
  }
  if (street === 0) return;
  // `St.,` goes on, where a sentence ends with `St.`
  const dotted = codes[street] === 46 ? street + 1 : street;
  const unitEnd = endOfUnit(codes, dotted);
  const cityEnd = endOfCity(codes, unitEnd);
  const withUnit = unitEnd > dotted ? unitEnd : street;
  const whole = cityEnd > unitEnd ? cityEnd : withUnit;
  const isYear = end - at === 4 && (codes[at] === 49 ? codes[at + 1] === 57 : codes[at] === 50 && codes[at + 1] === 48);
  const confidence = whole > withUnit ? 0.9 : withUnit > street ? 0.8 : isYear ? 0.4 : 0.65;
  findings.add('address', at, whole, confidence);
}

/** A direction behind the street, and a flat: `NW`, `, Apt. 4B`, `#12`. */
function endOfUnit(codes: Uint16Array, street: number): number {
  let end = street;
  const direction = afterComma(codes, end);
  const directionEnd = endOfWord(codes, direction);
  if (
    directionEnd - direction <= 2 &&
    isUpper(codes[direction]!) &&
    directions.has(textOfWord(codes, direction, directionEnd))
  )
    end = directionEnd;
  let unit = afterComma(codes, end);
  let unitEnd = codes[unit] === 35 ? unit + 1 : endOfWord(codes, unit);
  if (!units.has(textOfWord(codes, unit, unitEnd))) return end;
  if (codes[unitEnd] === 46) unitEnd++;
  unit = isSpace(codes[unitEnd]!) ? unitEnd + 1 : unitEnd;
  const number = endOfWord(codes, unit);
  return number > unit && number - unit <= 5 ? number : end;
}

/** `, Springfield, OR 97403-1234`. */
function endOfCity(codes: Uint16Array, street: number): number {
  for (let at = afterComma(codes, street), words = 0; words < 5; words++) {
    const end = endOfWord(codes, at);
    if (end === at || !isUpper(codes[at]!)) return street;
    if (end - at === 2 && words > 0 && states.has(String.fromCharCode(codes[at]!, codes[at + 1]!))) {
      const zip = end + 1;
      if (!isSpace(codes[end]!)) return street;
      let digits = zip;
      while (isDigit(codes[digits]!)) digits++;
      if (digits - zip !== 5) return street;
      if (
        codes[digits] === 45 &&
        isDigit(codes[digits + 1]!) &&
        isDigit(codes[digits + 4]!) &&
        !isWord(codes[digits + 5]!)
      )
        digits += 5;
      return digits;
    }
    at = afterComma(codes, end);
  }
  return street;
}

function afterComma(codes: Uint16Array, end: number): number {
  let at = end;
  if (codes[at] === 44) at++;
  while (at < end + 3 && (isSpace(codes[at]!) || codes[at] === 10)) at++;
  return at;
}

function endOfWord(codes: Uint16Array, start: number): number {
  let end = start;
  while (end - start < 24 && (isAlphanumeric(codes[end]!) || (codes[end] === 39 && isLetter(codes[end + 1]!)))) end++;
  return end;
}

function textOfWord(codes: Uint16Array, start: number, end: number): string {
  let word = '';
  for (let at = start; at < end; at++) word += String.fromCharCode(lower(codes[at]!));
  return word;
}
