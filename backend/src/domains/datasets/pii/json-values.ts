import type { PiiMatch } from './types.ts';

/**
 * Of matches in a JSON text, in their order, those that lie within one string that is a value: what others found in the text as it is written
 * may go over quotes, cut an escape in two, or be the name of a member.
 */
export function withinValues(text: string, matches: readonly PiiMatch[]): PiiMatch[] {
  const within: PiiMatch[] = [];
  let next = 0;
  for (const { index, 0: string } of text.matchAll(/"(?:[^"\\]|\\.)*"/gs)) {
    const end = index + string.length - 1;
    while (next < matches.length && matches[next]!.start <= index) next++;
    const isName = /^\s*:/.test(text.slice(end + 1, end + 20));
    for (; next < matches.length && matches[next]!.start < end; next++) {
      const match = matches[next]!;
      if (!isName && match.end <= end && isWhole(text.slice(match.start, match.end))) within.push(match);
    }
  }
  return within;
}

function isWhole(raw: string): boolean {
  if (!raw.includes('\\')) return true;
  try {
    JSON.parse(`"${raw}"`);
    return true;
  } catch {
    return false;
  }
}
