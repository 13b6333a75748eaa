import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createUnits, unitCapacity, type Units } from '../text/units.ts';
import { createWindows } from '../text/windows.ts';
import { createGrams } from './grams.ts';
import { createContamination } from './index.ts';

const units = createUnits();
const windows = createWindows(unitCapacity);
const read = (...pieces: string[]): Units => {
  units.clear();
  pieces.forEach((piece, index) => units.add(piece, index));
  return units;
};
const item =
  'Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May. How many clips did Natalia sell altogether?';

function indexOf(...benchmarks: string[][]) {
  const contamination = createContamination({ benchmarks: benchmarks.length, limit: 1e6 });
  benchmarks.forEach((items, benchmark) =>
    items.forEach((text, at) => contamination.addItem(benchmark, at, read(text), windows)),
  );
  return {
    ...contamination,
    row(...pieces: string[]) {
      contamination.look(read(...pieces), windows);
      return contamination.endRow();
    },
  };
}

test('FR-003c: a row that has 13 words of a benchmark in a row is found, whatever its case and punctuation', () => {
  const index = indexOf(['Something else that is long enough to have thirteen words of its own in here.', item]);
  const text = `Solve this: ${item.toUpperCase().replaceAll(/[.,?]/g, ' ;')} Thanks`;
  const [overlap, ...more] = index.row('first piece', text);
  assert.equal(more.length, 0);
  assert.equal(overlap!.item, 1);
  assert.equal(overlap!.piece, 1);
  assert.match(text.slice(overlap!.start, overlap!.end), /^NATALIA SOLD .* ALTOGETHER$/);
  assert.deepEqual(index.totals(), [{ items: 1, rows: 1, sampled: 1, tooShort: 0 }]);
});

test('FR-003c: twelve words, or thirteen with another one among them, are no contamination', () => {
  const words = item.split(' ');
  const index = indexOf([item]);
  assert.deepEqual(index.row(words.slice(0, 12).join(' ')), []);
  assert.deepEqual(index.row([...words.slice(0, 7), 'other', ...words.slice(8, 16)].join(' ')), []);
  assert.equal(index.row(words.slice(0, 13).join(' ')).length, 1);
  assert.equal(index.row(words.slice(4, 17).join(' ')).length, 1);
});

test('FR-003c: Korean is compared by 26 syllables, whatever the spaces', () => {
  const korean = '다음 글을 읽고 물음에 답하시오. 조선 시대의 과학자 장영실은 세종대왕의 명을 받아 물시계를 만들었다.';
  const index = indexOf([korean]);
  assert.equal(index.row(`문제: ${korean.replaceAll(' ', '')}`).length, 1);
  assert.equal(index.row('조선 시대의 과학자 장영실은 누구입니까? 그는 언제 태어났습니까?').length, 0);
});

test('FR-003c: short items count as a whole, and what most items share counts nothing', () => {
  const short = 'What is the largest planet of our solar system?';
  const preface = 'Choose the one correct answer to the question from the following four options and write its letter:';
  const many = Array.from({ length: 20 }, (_, at) => `${preface} question number ${at} about subject${at} alpha${at}`);
  const index = indexOf([short, 'Too short'], many);
  const [first] = index.row(`User asks: ${short}`);
  assert.deepEqual([first!.benchmark, first!.item], [0, 0]);
  assert.equal(index.row('What is the largest planet of our whole solar system?').length, 0);
  assert.equal(index.row(`${preface} something new that no benchmark ever asked anybody at all`).length, 0);
  assert.equal(index.row(many[7]!)[0]!.item, 7);
  assert.deepEqual(
    index.totals().map(({ items, rows, tooShort }) => [items, rows, tooShort]),
    [
      [1, 1, 1],
      [1, 1, 0],
    ],
  );
});

test('FR-003c: a row may have items of several benchmarks', () => {
  const other = 'A completely different question about the history of bridges over the river in the old town of Prague';
  const index = indexOf([other, item], [item]);
  const overlaps = index.row(`${item} ${other}`);
  assert.deepEqual(
    overlaps.map(({ benchmark, items }) => [benchmark, items]),
    [
      [0, 2],
      [1, 1],
    ],
  );
});

test('FR-003c: too many n-grams are thinned out by their hash, so that the order does not matter', () => {
  const random = (at: number): [number, number] => [Math.imul(at, 0x9e3779b1) >>> 0, Math.imul(at, 0x85ebca6b) >>> 0];
  const kept = (order: number[]): string[] => {
    const grams = createGrams(1000);
    for (const at of order) grams.add(...random(at), at);
    assert.ok(grams.count <= 1000 && grams.stride === 8);
    return order
      .filter((at) => grams.find(...random(at)) === at)
      .map(String)
      .toSorted();
  };
  const order = Array.from({ length: 6000 }, (_, at) => at + 1);
  assert.deepEqual(kept(order), kept(order.toReversed()));
  assert.ok(kept(order).length > 600);
});
