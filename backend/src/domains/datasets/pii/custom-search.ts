import { isDigit } from './characters.ts';
import type { CompiledRule } from './custom.ts';
import { HARD_QUOTE, type Tape } from './tape.ts';
import { LEAST_CONFIDENCE } from './types.ts';

const NEAR = 50;
const RAISED = 0.35;

export type FoundByRule = (rule: number, start: number, end: number, confidence: number) => void;

/** Lets the rules that people wrote search a tape: each cell as a whole; of JSON each string and each number by itself. */
export function createRuleSearch(rules: readonly CompiledRule[]) {
  return (tape: Tape, json: boolean, found: FoundByRule): void => {
    for (let cell = 0; cell < tape.count; cell++) {
      const [start, end] = [tape.starts[cell]!, tape.endOf(cell)];
      if (json) for (const [from, to] of valuesIn(tape.codes, start, end)) searchIn(tape, from, to, found);
      else searchIn(tape, start, end, found);
    }
  };

  function searchIn({ codes }: Tape, start: number, end: number, found: FoundByRule): void {
    const text = stringOf(codes, start, end);
    rules.forEach(({ search, confidence, context }, rule) => {
      search(text, (from, to) => {
        const sure = weigh(text, from, to, confidence, context);
        if (sure >= LEAST_CONFIDENCE) found(rule, start + from, start + to, sure);
      });
    });
  }
}

function weigh(text: string, start: number, end: number, confidence: number, context: readonly string[]): number {
  if (context.length === 0) return Math.min(0.99, confidence);
  const around = `${text.slice(Math.max(0, start - NEAR), start)} ${text.slice(end, end + NEAR)}`.toLowerCase();
  const raised = context.some((word) => around.includes(word)) ? RAISED : 0;
  return Math.min(0.99, Math.round((confidence + raised) * 100) / 100);
}

function stringOf(codes: Uint16Array, start: number, end: number): string {
  return Buffer.from(codes.buffer, codes.byteOffset + start * 2, (end - start) * 2).toString('utf16le');
}

/** Places of the strings and numbers of a decoded JSON text. */
function* valuesIn(codes: Uint16Array, start: number, end: number): Generator<[number, number]> {
  for (let at = start; at < end;) {
    const code = codes[at]!;
    let next = at + 1;
    if (code === HARD_QUOTE) {
      while (next < end && codes[next] !== HARD_QUOTE) next++;
      if (next > at + 1) yield [at + 1, next];
      next++;
    } else if (isDigit(code)) {
      while (next < end && isNumeric(codes[next]!)) next++;
      yield [at, next];
    }
    at = next;
  }
}

const isNumeric = (code: number): boolean =>
  isDigit(code) || code === 46 || code === 45 || code === 43 || code === 69 || code === 101;
