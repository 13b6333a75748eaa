import { expect, test } from 'vitest';
import { appended, matching } from './logLines.ts';

const text = (lines: ReturnType<typeof matching>) => lines.map((pieces) => pieces.map((piece) => piece.text).join(''));

test('FR-006h: lines that hold what is searched stay, with every place marked, whatever its case', () => {
  const found = matching(['Error: no error here', 'fine', 'an ERROR'], 'error');
  expect(text(found)).toEqual(['Error: no error here', 'an ERROR']);
  expect(found[0]!.filter((piece) => piece.found).map((piece) => piece.text)).toEqual(['Error', 'error']);
});

test('FR-006h: nothing searched shows all; letters that change length in lower case mark their line whole', () => {
  expect(text(matching(['a', 'b'], ' '))).toEqual(['a', 'b']);
  expect(matching(['İstanbul x'], 'x')).toEqual([[{ text: 'İstanbul x', found: true }]]);
});

test('FR-006h: the newest lines are kept', () => {
  expect(appended(['1', '2'], ['3', '4'], 3)).toEqual(['2', '3', '4']);
});
