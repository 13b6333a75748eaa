interface Match {
  type: string;
  /** UTF-16 units of the text */
  start: number;
  end: number;
}
export interface MarkedPiece {
  text: string;
  /** null: nothing was found here */
  type: string | null;
}

/** A text in pieces of what was found and what lies between; where findings overlap the first counts. */
export function markedPieces(text: string, matches: readonly Match[]): MarkedPiece[] {
  const pieces: MarkedPiece[] = [];
  let at = 0;
  for (const { type, start, end } of matches.toSorted((a, b) => a.start - b.start || b.end - a.end)) {
    if (start < at || end > text.length || end <= start) continue;
    if (start > at) pieces.push({ text: text.slice(at, start), type: null });
    pieces.push({ text: text.slice(start, end), type });
    at = end;
  }
  if (at < text.length) pieces.push({ text: text.slice(at), type: null });
  return pieces;
}
