/**
 * The texts of one row, those first by which rows are alike. One is made for all rows: arrays beside each other, no object for each text.
 */
export interface Pieces {
  readonly count: number;
  /** of them, that rows are alike by: not what many share by design, such as system messages and passages to answer from */
  readonly own: number;
  text(index: number): string;
  /** the column, as its place among those that are read */
  column(index: number): number;
  /** the text is the cell itself, so that its places are those of the cell */
  isCell(index: number): boolean;
  /** which of two alternatives it belongs to; 0: none */
  alternative(index: number): number;
  clear(): void;
  add(text: string, column: number, options?: { shared?: boolean; cell?: boolean; alternative?: number }): void;
}

export function createPieces(): Pieces {
  const own = { texts: [] as string[], columns: [] as number[], cells: [] as boolean[], alternatives: [] as number[] };
  const shared = structuredClone(own);
  const at = <K extends keyof typeof own>(what: K, index: number): (typeof own)[K][number] =>
    (index < own.texts.length ? own[what][index] : shared[what][index - own.texts.length])!;
  return {
    get count() {
      return own.texts.length + shared.texts.length;
    },
    get own() {
      return own.texts.length;
    },
    text: (index) => at('texts', index) as string,
    column: (index) => at('columns', index) as number,
    isCell: (index) => at('cells', index) as boolean,
    alternative: (index) => at('alternatives', index) as number,
    clear() {
      for (const side of [own, shared])
        side.texts.length = side.columns.length = side.cells.length = side.alternatives.length = 0;
    },
    add(text, column, options) {
      const side = options?.shared === true ? shared : own;
      side.texts.push(text);
      side.columns.push(column);
      side.cells.push(options?.cell ?? false);
      side.alternatives.push(options?.alternative ?? 0);
    },
  };
}
