import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDistinct } from '../text/distinct.ts';
import { createUnits, unitCapacity } from '../text/units.ts';
import { createWindows } from '../text/windows.ts';
import { fencesOf, gibberish, lengthOutlier, shareOutliers, type OutlierType } from './index.ts';

const units = createUnits();
const windows = createWindows(unitCapacity);
const distinct = createDistinct(unitCapacity);
const kept = new Uint32Array(unitCapacity);
function typesOf(text: string): OutlierType[] {
  units.clear();
  units.add(text, 0);
  windows.read(units, 10);
  const shingles = { all: windows.count, distinct: distinct(windows.hash, windows.count, kept) };
  return [...shareOutliers(units, shingles), gibberish(units, text) ?? []].flat().map(({ type }) => type);
}

const plain = [
  'The model answers questions about the weather in several cities, and it cites where each number comes from. It was trained on reports of ten years.',
  'Die Rechtsschutzversicherungsgesellschaften haben angekündigt, dass sie die Beiträge zum nächsten Jahr erhöhen werden, weil die Kosten gestiegen sind.',
  'W Szczebrzeszynie chrząszcz brzmi w trzcinie i Szczebrzeszyn z tego słynie, a bezwzględny wąż pełznie wśród źdźbeł trawy.',
  'def add(a, b):\n    """Adds two numbers."""\n    return a + b\n\nprint(add(1, 2))\nfor item in items:\n    total += item.price * item.count\n',
  '데이터셋의 품질을 확인하기 위해 결측값과 중복된 행, 그리고 개인정보가 들어 있는지를 차례로 검사합니다.',
  '模型在训练之前需要检查数据的质量，包括缺失值、重复的行以及个人信息。每一项检查都会给出具体的位置和修改建议。',
];

test('FR-003c: ordinary texts, also code and other scripts, are no outliers', () => {
  for (const text of plain) assert.deepEqual(typesOf(text), [], text);
});

test('FR-003c: repetition, symbols, encoded bytes and keys hit at random are outliers', () => {
  assert.deepEqual(typesOf('I am sorry, I cannot do that right now. '.repeat(20)), ['repetition']);
  assert.deepEqual(typesOf('오류가 발생했습니다 다시 시도해 주세요. '.repeat(20)), ['repetition']);
  assert.deepEqual(typesOf('=== --- *** ### $$$ %%% &&& !!! ??? ::: ;;; a b c '.repeat(2)), ['symbols']);
  assert.deepEqual(typesOf(`image: ${'TWFuIGlzIGRpc3Rpbmd1aXNoZWQsIG5vdCBvbmx5IGJ5IGhpcyByZWFzb24'.repeat(3)}`), [
    'gibberish',
  ]);
  assert.deepEqual(typesOf('sdfgh jklqw rtzxcv bnmpl kjhgfd sxcvb wqrtp lkjhgf dsxcv bnmlkj hgfdsp'), ['gibberish']);
  assert.deepEqual(typesOf('ha ha ha haaaa ha ha haha haaaa aaah aah ha hahahaha haaaa aha'), ['gibberish']);
});

test('FR-003c: lengths are judged by the fences of the profile', () => {
  const fences = fencesOf([40, 80, 100, 125, 300]);
  assert.equal(lengthOutlier('x'.repeat(100), fences), null);
  assert.equal(lengthOutlier('x'.repeat(400), fences), null);
  assert.equal(lengthOutlier('x'.repeat(2), fences)?.type, 'short');
  assert.equal(lengthOutlier('x'.repeat(9000), fences)?.type, 'long');
  assert.equal(fencesOf([5, 5, 5, 5, 5]), null);
  assert.equal(fencesOf([]), null);
  assert.equal(lengthOutlier('x'.repeat(1e6), null), null);
  // A character beyond the basic plane is one.
  assert.equal(lengthOutlier('😀'.repeat(400), fences), null);
});
