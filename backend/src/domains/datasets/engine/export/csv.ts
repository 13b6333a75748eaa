/** What a spreadsheet takes for a number begins like a formula and is none. */
const plainNumber = /^[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?$/;

/** A cell that a spreadsheet would run gets a `'` in front. */
export function neutralised(cell: string): string {
  return /^[=+\-@\t\r\n]/.test(cell) && !plainNumber.test(cell) ? `'${cell}` : cell;
}

/** RFC 4180, with its line break. Null is nothing between the commas; an empty text is a pair of quotes. */
export function csvLine(cells: readonly (string | null)[]): string {
  let line = '';
  for (let at = 0; at < cells.length; at++) {
    const cell = cells[at]!;
    if (at > 0) line += ',';
    if (cell === null) continue;
    line += cell === '' || /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
  }
  return `${line}\r\n`;
}
