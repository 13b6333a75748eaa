import { expect, it } from 'vitest';
import { markedPieces } from './piiMarks.ts';

it('FR-003c: what a trial finds is marked in the text, once where findings overlap', () => {
  const text = '📧 jane@example.com or 900101-1234568';
  const at = (part: string, type: string) => ({
    type,
    start: text.indexOf(part),
    end: text.indexOf(part) + part.length,
  });
  const found = [at('900101-1234568', 'kr_rrn'), at('jane@example.com', 'email'), at('example.com', 'domain')];
  const pieces = markedPieces(text, found);
  expect(pieces.map((piece) => piece.text).join('')).toBe(text);
  expect(pieces.filter(({ type }) => type !== null)).toEqual([
    { text: 'jane@example.com', type: 'email' },
    { text: '900101-1234568', type: 'kr_rrn' },
  ]);
});

it('FR-003c: places of another text mark nothing', () => {
  expect(markedPieces('short', [{ type: 'email', start: 2, end: 30 }])).toEqual([{ text: 'short', type: null }]);
  expect(markedPieces('', [])).toEqual([]);
});
