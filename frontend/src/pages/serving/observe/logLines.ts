export interface LogPiece {
  text: string;
  found: boolean;
}

/** how many lines a page keeps; older ones go */
export const keptLines = 5_000;

/** Adds lines at the end and drops the oldest beyond what is kept. */
export function appended(lines: readonly string[], more: readonly string[], keep = keptLines): string[] {
  return [...lines, ...more].slice(-keep);
}

/** Lines that hold the text, whatever its case, cut into what was looked for and what is around it; all lines whole for no text. */
export function matching(lines: readonly string[], search: string): LogPiece[][] {
  const wanted = search.trim().toLowerCase();
  if (wanted === '') return lines.map((text) => [{ text, found: false }]);
  return lines.flatMap((line) => {
    const pieces: LogPiece[] = [];
    const lower = line.toLowerCase();
    // letters whose lower case is longer would shift what is marked
    if (lower.length !== line.length) return lower.includes(wanted) ? [[{ text: line, found: true }]] : [];
    let at = 0;
    for (let next = lower.indexOf(wanted); next !== -1; next = lower.indexOf(wanted, at)) {
      if (next > at) pieces.push({ text: line.slice(at, next), found: false });
      pieces.push({ text: line.slice(next, next + wanted.length), found: true });
      at = next + wanted.length;
    }
    if (pieces.length === 0) return [];
    if (at < line.length) pieces.push({ text: line.slice(at), found: false });
    return [pieces];
  });
}
