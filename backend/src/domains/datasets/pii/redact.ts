import type { RedactionMethod } from '@llm-ops/contracts';
import { replacementSeed } from './fingerprint.ts';
import { pseudonymOf } from './pseudonym.ts';
import type { PiiMatch } from './types.ts';

export type MethodOf = (type: string) => RedactionMethod;
/** What comes in place of a value. */
type Replacement = (type: string, value: string) => string;

/** Replaces matches, which are in their order and do not overlap. */
export const redactText = (text: string, matches: readonly PiiMatch[], methodOf: MethodOf, key: string): string =>
  replaceInText(text, matches, replacementBy(methodOf, key));

/** The same in a JSON text: within strings what is put there is escaped, and a number becomes a string. The text stays JSON. */
export const redactJson = (text: string, matches: readonly PiiMatch[], methodOf: MethodOf, key: string): string =>
  replaceInJson(text, matches, replacementBy(methodOf, key));

const shortName = (type: string): string => type.replace(/^custom:/, '');
/** `[EMAIL]`: says what stood there, in a form that no detector takes for a value. */
export const maskToken = (type: string): string => `[${shortName(type).toUpperCase()}]`;

/** The same for the same value under a key. A pseudonym that cannot be is written like a hash. */
function replacementBy(methodOf: MethodOf, key: string): Replacement {
  return (type, value) => {
    const method = methodOf(type);
    if (method === 'keep') return value;
    if (method === 'mask') return maskToken(type);
    const pseudonym = method === 'pseudonym' ? pseudonymOf(key, type, value) : null;
    return pseudonym ?? `${shortName(type)}_${replacementSeed(key, type, value).toString('hex', 0, 8)}`;
  };
}

export function replaceInText(text: string, matches: readonly PiiMatch[], by: Replacement): string {
  let replaced = '';
  let from = 0;
  for (const { type, start, end } of matches) {
    replaced += text.slice(from, start) + by(type, text.slice(start, end));
    from = end;
  }
  return replaced + text.slice(from);
}

export function replaceInJson(text: string, matches: readonly PiiMatch[], by: Replacement): string {
  let replaced = '';
  let from = 0;
  let inside = false;
  for (const { type, start, end } of matches) {
    inside = isInside(text, from, start, inside);
    const value = valueIn(text, start, end, true);
    const replacement = by(type, value);
    if (replacement === value) {
      replaced += text.slice(from, end);
      from = end;
      continue;
    }
    const written = JSON.stringify(replacement);
    const [first, last] = inside ? [start, end] : numberAbout(text, start, end);
    replaced += text.slice(from, first) + (inside ? written.slice(1, -1) : written);
    from = last;
  }
  return replaced + text.slice(from);
}

/** The value of a match as it reads, without the escapes of JSON. */
export function valueIn(text: string, start: number, end: number, json: boolean): string {
  const raw = text.slice(start, end);
  return json && raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw;
}

/** Whether a place is in a string, when it is known of an earlier place. */
function isInside(text: string, from: number, to: number, before: boolean): boolean {
  let inside = before;
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at);
    if (code === 92) at++;
    else if (code === 34) inside = !inside;
  }
  return inside;
}

/** The whole number that a match outside strings is a part of. */
function numberAbout(text: string, start: number, end: number): [number, number] {
  let first = start;
  while (first > 0 && /[-+.\dEe]/.test(text[first - 1]!)) first--;
  let last = end;
  while (last < text.length && /[-+.\dEe]/.test(text[last]!)) last++;
  return [first, last];
}
