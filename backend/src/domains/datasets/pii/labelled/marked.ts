/** A text and the personal values that are in it, in their order. */
export interface Labelled {
  text: string;
  expected: readonly { type: string; start: number; end: number }[];
}

/** Reads a text in which values are marked: `Tel. [[phone|010-1234-5678]]`. */
export function readMarked(marked: string): Labelled {
  const expected: { type: string; start: number; end: number }[] = [];
  let text = '';
  let from = 0;
  for (const mark of marked.matchAll(/\[\[([a-z_]+)\|([\s\S]*?)\]\]/g)) {
    text += marked.slice(from, mark.index);
    expected.push({ type: mark[1]!, start: text.length, end: text.length + mark[2]!.length });
    text += mark[2]!;
    from = mark.index + mark[0].length;
  }
  return { text: text + marked.slice(from), expected };
}

export const marked = (type: string, value: string): string => `[[${type}|${value}]]`;
