import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Held, JudgedFinding } from './store/index.ts';
import { piiStatusOf, toFinding, unseenOf } from './validation-view.ts';

const held = (type: string, change: Partial<Held> = {}): Held => ({
  type,
  kept: 3,
  sure: 3,
  open: 3,
  harmful: 3,
  held: 3,
  ...change,
});
const judged = { open: 0, harmful: 0, held: 0 };

test('FR-003c: personal data fails a dataset until everything sure was judged', () => {
  for (const [status, unseen, kept, restricted] of [
    ['clean', {}, [], false],
    ['failed', {}, [held('email')], false],
    ['clean', {}, [held('email', judged)], false],
    // below 0.5
    ['clean', {}, [held('name', { sure: 0, held: 0 })], false],
    ['failed', {}, [held('email', judged), held('phone')], false],
    // more than could be kept: nobody judged the others
    ['failed', { email: 6 }, [held('email', judged)], false],
    ['clean', { name: 6 }, [held('name', { sure: 0, held: 0 })], false],
    ['failed', { email: 6 }, [], false],
    // what was not looked for is not known
    ['pending', {}, [], true],
    ['failed', {}, [held('email')], true],
  ] as const)
    assert.equal(piiStatusOf(unseen, kept, restricted), status, JSON.stringify([unseen, kept, restricted]));
});

test('FR-003c: what was not kept is what was found, without what was kept and what was harmless before', () => {
  const counts = [
    { kind: 'pii' as const, type: 'email', count: 9, open: 5 },
    { kind: 'pii' as const, type: 'phone', count: 3 },
    { kind: 'pii' as const, type: 'iban', count: 4, open: 4 },
    { kind: 'duplicate' as const, type: 'exact', count: 9 },
  ];
  const kept = [held('email', { harmful: 2 }), held('phone'), held('iban', judged)];
  assert.deepEqual(unseenOf(counts, kept), { email: 3, iban: 4 });
  assert.deepEqual(unseenOf([], []), {});
});

test('FR-003c, UI-1: a finding is told by code and values; one of before whose sentence is not known keeps its English', () => {
  const row = (change: Partial<JudgedFinding>): JudgedFinding => ({
    validation_id: '00000000-0000-0000-0000-000000000001',
    number: 1,
    kind: 'pii',
    type: 'email',
    file: 'a.csv',
    row_number: 0,
    column_name: 'mail',
    span_start: 0,
    span_end: 5,
    excerpt: 'a***',
    confidence: 0.9,
    message: 'E-mail address.',
    said: null,
    fingerprint: 'f',
    triage: 'open',
    ...change,
  });
  const same = {
    code: 'finding.same.text',
    values: { which: { code: 'finding.row.text', text: 'row 3', values: { row: 3 } } },
  };
  for (const [change, said] of [
    [{}, { message: { code: 'pii.email.label' } }],
    [{ type: 'duplicate', message: 'It is the same as row 3.', said: same }, { message: same }],
    [
      { type: 'chat_no_assistant', message: 'No message is the assistant’s.' },
      { message: { code: 'faults.chat_no_assistant.message' } },
    ],
    [{ type: 'duplicate', message: 'It is the same as row 2.' }, undefined],
  ] as const)
    assert.deepEqual(toFinding(row(change)).said, said);
});
