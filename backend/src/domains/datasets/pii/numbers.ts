import type { FoundPii, PiiScanner } from './scanner.ts';
import type { PiiMatch } from './types.ts';

/** numbers long enough, from which on chance can be told from people */
const LEAST = 200;
/** as sure as a number is whose checksum fits and which no word speaks for */
const UNSAID = 0.6;

/** Twice the share of whole numbers of that many digits that pass for one: issuer and check digit, birthday and checksum. */
const chances: Record<string, { digits: readonly [least: number, most: number]; share: number }> = {
  credit_card: { digits: [14, 19], share: 0.07 },
  kr_rrn: { digits: [13, 13], share: 0.006 },
  kr_foreigner: { digits: [13, 13], share: 0.006 },
};

/**
 * Looks through a column of numbers. Of measurements and identifiers a few pass for a number of a person: where no more do than chance
 * makes, and no word speaks for them, they are not told.
 */
export function scanNumbers(
  scanner: Pick<PiiScanner, 'scan'>,
  cells: readonly (string | null)[],
  found: FoundPii,
  column: string,
): void {
  const matches: { index: number; match: PiiMatch }[] = [];
  scanner.scan(cells, (index, match) => matches.push({ index, match }), column);
  const doubtful = Object.keys(chances).filter((type) => isChance(type, cells, matches));
  for (const { index, match } of matches)
    if (match.confidence > UNSAID || !doubtful.includes(match.type)) found(index, match);
}

function isChance(type: string, cells: readonly (string | null)[], matches: readonly { match: PiiMatch }[]): boolean {
  const count = matches.filter(({ match }) => match.type === type).length;
  if (count === 0) return false;
  const { digits, share } = chances[type]!;
  let long = 0;
  for (const cell of cells) {
    if (cell === null) continue;
    const point = cell.indexOf('.');
    const length = point === -1 ? cell.length : point;
    if (length >= digits[0] && length <= digits[1]) long++;
  }
  return long >= LEAST && count <= long * share;
}
