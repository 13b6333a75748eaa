import type { Issue } from './index.ts';
import { words } from './sentences.ts';

/**
 * The issue of a field that is not known, with what is, and what was probably meant. `answered` are names that the reply has: whoever
 * sends back what they read is told to leave them out, instead of being offered another name. `others`: what a known one is called elsewhere.
 */
export function unknownField(
  path: readonly string[],
  known: readonly string[],
  answered: ReadonlySet<string> = new Set(),
  others: ReadonlyMap<string, readonly string[]> = new Map(),
): Issue {
  const name = path.at(-1) ?? '';
  const meant = known.find((one) => others.get(one)?.some((other) => plainly(other) === plainly(name)));
  const told =
    meant === undefined ? unknownBy(name, known, answered.has(name)) : words.tell('unknown_meant', { meant, known });
  return { path: path.join('.').slice(0, 200), ...told };
}

function unknownBy(name: string, known: readonly string[], wasAnswered: boolean): Pick<Issue, 'message' | 'said'> {
  if (known.length === 0) return words.tell(wasAnswered ? 'answered_nothing' : 'unknown_nothing');
  if (wasAnswered) return words.tell('answered', { known });
  const meant = nearest(name, known);
  return meant === null ? words.tell('unknown', { known }) : words.tell('unknown_meant', { meant, known });
}

/** Of `known` the name that is nearest, when it is a letter or so off, whatever its case and underscores; null: none is. Pure. */
export function nearest(name: string, known: readonly string[]): string | null {
  if (name.length > 100) return null;
  const plain = plainly(name);
  let best: { name: string; distance: number } | null = null;
  for (const candidate of known) {
    const other = plainly(candidate);
    const longer = Math.max(plain.length, other.length);
    const tolerated = longer < 3 ? 0 : Math.max(1, Math.min(3, Math.floor((longer + 1) / 4)));
    if (Math.abs(plain.length - other.length) > tolerated) continue;
    const distance = edits(plain, other);
    if (distance <= tolerated && (best === null || distance < best.distance)) best = { name: candidate, distance };
  }
  return best?.name ?? null;
}

const plainly = (name: string) => name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');

/** Letters to insert, remove, replace or swap with their neighbour until one is the other (optimal string alignment). */
function edits(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const same = a[row - 1] === b[column - 1] ? 0 : 1;
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      current[column] = Math.min(
        above[column]! + 1,
        current[column - 1]! + 1,
        above[column - 1]! + same,
        ...(swapped ? [before[column - 2]! + 1] : []),
      );
    }
    before = above;
    above = current;
  }
  return above[b.length]!;
}
