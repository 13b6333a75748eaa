import type { CustomPiiRule } from '../engine/tasks.ts';
import { createAnchors, END, sweep } from './anchors.ts';
import { createSurroundings, readContext, type Context } from './context.ts';
import { compilePiiRule } from './custom.ts';
import { createRuleSearch } from './custom-search.ts';
import { withoutOverlaps, type Candidate } from './overlaps.ts';
import { createTape } from './tape.ts';
import { LEAST_CONFIDENCE, piiTypes, rankOf, type Findings, type PiiMatch } from './types.ts';
import { weighed } from './weigh.ts';

export interface PiiScannerOptions {
  /** built-in ones and `custom:{name}`; null: all */
  types: readonly string[] | null;
  rules: readonly CustomPiiRule[];
}

/** Told of each match, cell by cell and in their order. */
export type FoundPii = (index: number, match: PiiMatch) => void;

export interface PiiScanner {
  /**
   * Looks through decoded texts. No two matches overlap.
   * @param column the column's name, whose words count like words beside a value: `ssn`, `휴대폰`
   */
  scan(cells: readonly (string | null)[], found: FoundPii, column?: string): void;
  /**
   * Looks through the strings and numbers of cells that are JSON text, after decoding escapes. Names of members count as words beside
   * their values. Places are those of the cell as it is written.
   */
  scanJson(cells: readonly (string | null)[], found: FoundPii, column?: string): void;
}

/** Sure enough without asking for words. */
const SURE = 0.85;

/** Throws `pii_rule_invalid` for a rule that cannot be used. */
export function createPiiScanner({ types, rules }: PiiScannerOptions): PiiScanner {
  const tape = createTape();
  const surroundings = createSurroundings();
  const named: Context = { for: 0, against: 0 };
  const wanted = piiTypes.map(({ type }) => types === null || types.includes(type));
  const compiled = rules.filter(({ name }) => types === null || types.includes(`custom:${name}`)).map(compilePiiRule);
  const searchRules = createRuleSearch(compiled);
  const nameOf = [...piiTypes.map(({ type }) => type), ...compiled.map(({ type }) => type)] as string[];
  const anchors = createAnchors((type) => wanted[rankOf[type]]!);
  const anyBuiltIn = wanted.includes(true);
  let candidates: Candidate[] = [];

  const findings: Findings = {
    addresses: wanted[rankOf.address]!,
    add(type, start, end, confidence) {
      const rank = rankOf[type];
      if (!wanted[rank]) return;
      const sure = confidence >= SURE ? confidence : weigh(1 << rank, start, end, confidence);
      if (sure >= LEAST_CONFIDENCE) candidates.push({ rank, start, end, confidence: sure });
    },
    near(type, start, end) {
      const bit = 1 << rankOf[type];
      return (named.for & bit) !== 0 || (surroundings.around(tape.codes, start, end).far.for & bit) !== 0;
    },
  };

  function weigh(bit: number, start: number, end: number, confidence: number): number {
    const { close, far } = surroundings.around(tape.codes, start, end);
    return weighed(confidence, {
      for: ((close.for | named.for) & bit) !== 0 ? 'close' : (far.for & bit) !== 0 ? 'far' : null,
      against: ((close.against | named.against) & bit) !== 0 ? 'close' : (far.against & bit) !== 0 ? 'far' : null,
    });
  }

  function flush(json: boolean, found: FoundPii): void {
    const { codes, end, count } = tape;
    if (count === 0) return;
    surroundings.forget();
    if (compiled.length > 0)
      searchRules(tape, json, (rule, start, end, confidence) => {
        candidates.push({ rank: piiTypes.length + rule, start, end, confidence });
      });
    if (anyBuiltIn) {
      codes[end] = END;
      sweep(anchors, codes, tape.starts[0]!, end, findings);
    }
    if (candidates.length > 0) tell(found);
    candidates = [];
    tape.clear();
  }

  function tell(found: FoundPii): void {
    let cell = 0;
    for (const { rank, start, end, confidence } of withoutOverlaps(candidates)) {
      while (tape.starts[cell + 1]! <= start) cell++;
      const [from, to] = [tape.placeIn(cell, start), tape.placeIn(cell, end)];
      found(tape.indexes[cell]!, { type: nameOf[rank]!, start: from, end: to, confidence });
    }
  }

  function scanAll(cells: readonly (string | null)[], found: FoundPii, column: string, json: boolean): void {
    named.for = named.against = 0;
    if (column !== '')
      readContext(
        Uint16Array.from(column, (unit) => unit.charCodeAt(0)),
        0,
        column.length,
        named,
      );
    tape.clear();
    for (let index = 0; index < cells.length; index++) {
      const text = cells[index];
      if (text === null || text === undefined || text === '') continue;
      if (tape.add(text, index, json)) continue;
      flush(json, found);
      tape.add(text, index, json);
    }
    flush(json, found);
  }

  return {
    scan: (cells, found, column = '') => scanAll(cells, found, column, false),
    scanJson: (cells, found, column = '') => scanAll(cells, found, column, true),
  };
}
