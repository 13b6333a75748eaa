import type { MetadataJson } from 'libphonenumber-js';
import { onDemand } from '#platform/node';

/**
 * National number plans by country calling code, from the metadata of libphonenumber. Its own `isValidPhoneNumber` takes 20 µs and more,
 * these patterns a fraction of one; a test holds both to the same answers.
 */
interface Plan {
  /** what nationals write before a number, such as 0 */
  prefix: string;
  /** a whole national number that a person may have */
  pattern: RegExp;
}

/** Of a country in the metadata, by its version 4: prefix at 5, numbers by kind at 11; where there are none, any number at 2. */
type Entry = readonly unknown[];
/** Fixed line, mobile, personal, pager, voice over IP. Free, shared, premium and company-wide numbers belong to nobody. */
const personal = [0, 1, 4, 7, 8];

const plans = new Map<string, Plan[]>();
/** 2 MB, and a server that finds nothing in a text itself never asks for it. */
const metadata = onDemand<MetadataJson>('libphonenumber-js/max/metadata');
const byCallingCode = () => metadata().country_calling_codes as Record<string, readonly string[]>;

function plansOf(callingCode: string): Plan[] {
  let found = plans.get(callingCode);
  if (found === undefined) {
    const countries = metadata().countries as unknown as Record<string, Entry>;
    found = (byCallingCode()[callingCode] ?? []).map((country) => planOf(countries[country]!));
    plans.set(callingCode, found);
  }
  return found;
}

function planOf(entry: Entry): Plan {
  const kinds = (entry[11] || []) as readonly (readonly [pattern: string, ...unknown[]] | 0)[];
  const patterns = personal.flatMap((kind) => (kinds[kind] || [''])[0]).filter((pattern) => pattern !== '');
  const pattern = patterns.length === 0 ? String(entry[2]) : patterns.join('|');
  return { prefix: typeof entry[5] === 'string' ? entry[5] : '', pattern: new RegExp(`^(?:${pattern})$`) };
}

/** Korea gives out mobile numbers faster than the metadata follows; 010-0 is given to nobody, and pseudonyms use it. */
const koreanMobile = /^0?10[1-9]\d{7}$/;
const koreanReserved = /^0?100/;

/** Whether a calling code and a national number make a number of a person; a national prefix as in +44 (0)20 is passed over. */
export function isNumberOf(callingCode: string, national: string): boolean {
  if (callingCode === '82') {
    if (koreanMobile.test(national)) return true;
    if (koreanReserved.test(national)) return false;
  }
  return plansOf(callingCode).some(
    ({ prefix, pattern }) =>
      pattern.test(national) ||
      (prefix !== '' && national.startsWith(prefix) && pattern.test(national.slice(prefix.length))),
  );
}

/** The calling code that digits after a `+` begin with; null: none does. */
export function callingCodeOf(digits: string): string | null {
  const known = byCallingCode();
  for (let length = 1; length <= 3; length++) {
    const code = digits.slice(0, length);
    if (code in known) return code;
  }
  return null;
}
