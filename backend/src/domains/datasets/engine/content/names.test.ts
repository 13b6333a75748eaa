import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createNames } from './names.ts';

test('FR-003c: names are masked wherever they stand, the longer one first, also with other spaces and where an excerpt cuts them', () => {
  const names = createNames();
  assert.equal(names.conceal('Anna Kim was here'), 'Anna Kim was here');
  names.add('person', 'Anna');
  names.add('person', 'Anna\n Kim');
  names.add('person', '김철수');
  names.add('person', 'J');
  assert.equal(names.conceal('Anna Kim met Anna and Joe'), 'A*** met A*** and Joe');
  assert.equal(names.conceal('어제 김철수가 왔다'), '어제 ***가 왔다');
  assert.equal(names.conceal('We asked Anna K …'), 'We asked A*** …');
  assert.equal(names.conceal('We asked Hannah …'), 'We asked Hannah …');
});

test('FR-003c: of more names than are remembered nothing is shown at all', () => {
  const names = createNames();
  for (let at = 0; at < 100_002; at++) names.add('person', `person ${at}`);
  assert.equal(names.conceal('something else'), '…');
});
