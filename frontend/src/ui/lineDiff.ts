import type { Change } from '@codemirror/merge';

interface Piece {
  text: string;
  changed: boolean;
}
export interface DiffLine {
  /** null: there is no such line on this side */
  before: { number: number; pieces: Piece[] } | null;
  after: { number: number; pieces: Piece[] } | null;
  changed: boolean;
}
type Diff = (a: string, b: string) => readonly Change[];

function piecesOf(text: string, ranges: readonly [from: number, to: number][]): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  for (const [from, to] of ranges) {
    if (from > at) pieces.push({ text: text.slice(at, from), changed: false });
    if (to > from) pieces.push({ text: text.slice(from, to), changed: true });
    at = to;
  }
  if (at < text.length || pieces.length === 0) pieces.push({ text: text.slice(at), changed: false });
  return pieces;
}

/** What changed within a line; nothing when the lines have so little in common that marks would only confuse. */
function likeness(before: string, after: string, within: Diff): readonly Change[] {
  const changes = within(before, after);
  const changed = changes.reduce((sum, { fromA, toA, fromB, toB }) => sum + toA - fromA + toB - fromB, 0);
  return changed > (before.length + after.length) * 0.6 ? [] : changes;
}

/**
 * Two texts side by side, line by line, with what changed within a line. `diff` and `within` compare texts by character (those of
 * @codemirror/merge); lines are compared by standing in for each other as one character each.
 */
export function lineDiff(before: string, after: string, diff: Diff, within: Diff): DiffLine[] {
  const sides = [before.split('\n'), after.split('\n')] as const;
  const codes = new Map<string, string>();
  // surrogates and control characters are left out: each line must stay one UTF-16 unit
  const codeOf = (line: string) => {
    const known = codes.get(line) ?? String.fromCharCode(0x3000 + (codes.size % 0xa000));
    codes.set(line, known);
    return known;
  };
  const [left, right] = sides.map((lines) => lines.map(codeOf).join('')) as [string, string];
  const lines: DiffLine[] = [];
  let a = 0;
  let b = 0;
  const same = (until: number) => {
    for (; a < until; a++, b++) {
      const pieces = [{ text: sides[0][a] ?? '', changed: false }];
      lines.push({ before: { number: a + 1, pieces }, after: { number: b + 1, pieces }, changed: false });
    }
  };
  for (const change of diff(left, right)) {
    same(change.fromA);
    while (a < change.toA || b < change.toB) {
      const oldLine = a < change.toA ? sides[0][a] : undefined;
      const newLine = b < change.toB ? sides[1][b] : undefined;
      const parts = oldLine !== undefined && newLine !== undefined ? likeness(oldLine, newLine, within) : [];
      const number = { before: a + 1, after: b + 1 };
      const whole = (text: string) => [{ text, changed: false }];
      const both = oldLine !== undefined && newLine !== undefined;
      lines.push({
        before:
          oldLine === undefined
            ? null
            : {
                number: number.before,
                pieces: both
                  ? piecesOf(
                      oldLine,
                      parts.map(({ fromA, toA }) => [fromA, toA]),
                    )
                  : whole(oldLine),
              },
        after:
          newLine === undefined
            ? null
            : {
                number: number.after,
                pieces: both
                  ? piecesOf(
                      newLine,
                      parts.map(({ fromB, toB }) => [fromB, toB]),
                    )
                  : whole(newLine),
              },
        changed: true,
      });
      if (oldLine !== undefined) a++;
      if (newLine !== undefined) b++;
    }
  }
  same(sides[0].length);
  return lines;
}
