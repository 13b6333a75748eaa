import { fingerprintOf } from './fingerprint.ts';
import { withinValues } from './json-values.ts';
import { scanNumbers } from './numbers.ts';
import { maskToken, redactJson, redactText, replaceInJson, replaceInText, valueIn, type MethodOf } from './redact.ts';
import type { FoundPii, PiiScanner } from './scanner.ts';
import type { PiiMatch } from './types.ts';

/** How often what was replaced is looked at again; what is found then is masked, and the last time it is left out. */
const ROUNDS = 4;

export interface RedactorDeps {
  scanner: PiiScanner;
  /** hex */
  key: string;
  methodOf: MethodOf;
  /** fingerprints of values that stay as they are */
  spared: ReadonlySet<string>;
  /** told of each value that was replaced */
  replaced(type: string): void;
}

export interface Redactor {
  /**
   * Answers the cells without what the scanner finds in them: a scan of them finds only what was to stay.
   * @param form of the cells: text, JSON text, or numbers alone
   * @param more found otherwise, by cell, such as names, in their order; what lies over something else is passed over
   */
  redact(
    cells: readonly (string | null)[],
    options: { form: 'text' | 'json' | 'numbers'; column: string; more?: ReadonlyMap<number, readonly PiiMatch[]> },
  ): (string | null)[];
}

/** Replacing a value may bring another one to light, so cells that changed are scanned until nothing is found. */
export function createRedactor({ scanner, key, methodOf, spared, replaced }: RedactorDeps): Redactor {
  return {
    redact(cells, { form, column, more }) {
      const json = form === 'json';
      const redacted = [...cells];
      const [redact, replace] = json ? [redactJson, replaceInJson] : [redactText, replaceInText];
      let places = cells.map((_, at) => at);
      for (let round = 1; round <= ROUNDS && places.length > 0; round++) {
        const found = find(redacted, places, form, column);
        if (round === 1) {
          for (const [at, others] of more ?? []) {
            const matches = json ? withinValues(cells[at]!, others) : others;
            merge(found, at, matches.filter(isWanted(cells[at]!, json)));
          }
        }
        for (const [at, matches] of found) {
          const text = redacted[at]!;
          if (round === 1) redacted[at] = redact(text, matches, methodOf, key);
          else redacted[at] = replace(text, matches, round < ROUNDS ? maskToken : () => '');
          for (const { type } of matches) replaced(type);
        }
        places = [...found.keys()];
      }
      return redacted;
    },
  };

  function find(
    cells: readonly (string | null)[],
    places: readonly number[],
    form: 'text' | 'json' | 'numbers',
    column: string,
  ) {
    const found = new Map<number, PiiMatch[]>();
    const texts = places.map((at) => cells[at]!);
    const take: FoundPii = (index, match) => {
      if (!isWanted(texts[index]!, form === 'json')(match)) return;
      const list = found.get(places[index]!);
      if (list === undefined) found.set(places[index]!, [match]);
      else list.push(match);
    };
    if (form === 'json') scanner.scanJson(texts, take, column);
    else if (form === 'numbers') scanNumbers(scanner, texts, take, column);
    else scanner.scan(texts, take, column);
    return found;
  }

  function isWanted(text: string, json: boolean) {
    return ({ type, start, end }: PiiMatch): boolean => {
      if (methodOf(type) === 'keep') return false;
      return spared.size === 0 || !spared.has(fingerprintOf(key, type, valueIn(text, start, end, json)));
    };
  }
}

/** Adds those that lie over nothing that is there. */
function merge(found: Map<number, PiiMatch[]>, at: number, matches: readonly PiiMatch[]): void {
  const own = [...(found.get(at) ?? [])];
  for (const match of matches) {
    if (own.every(({ start, end }) => match.end <= start || match.start >= end)) own.push(match);
  }
  if (own.length > 0)
    found.set(
      at,
      own.sort((a, b) => a.start - b.start),
    );
}
