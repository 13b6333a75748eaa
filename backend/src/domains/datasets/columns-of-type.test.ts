import assert from 'node:assert/strict';
import { test } from 'node:test';
import { columnsOfType, missingColumns } from './columns-of-type.ts';

test('FR-003a: each type knows the columns that it needs, by several names and in any case', () => {
  const same = (...names: string[]): Record<string, string> => Object.fromEntries(names.map((name) => [name, name]));
  assert.deepEqual(columnsOfType('pretrain_corpus', ['id', 'Text']), { text: 'Text' });
  assert.deepEqual(columnsOfType('sft_pair', ['messages']), same('messages'));
  assert.deepEqual(columnsOfType('sft_pair', ['question', 'answer']), { prompt: 'question', completion: 'answer' });
  const alpaca = ['instruction', 'input', 'output'];
  assert.deepEqual(columnsOfType('sft_pair', alpaca), same(...alpaca));
  assert.deepEqual(columnsOfType('sft_pair', ['instruction', 'response']), {
    instruction: 'instruction',
    output: 'response',
  });
  const rag = ['question', 'contexts', 'answer'];
  assert.deepEqual(columnsOfType('rag_qa', rag), same(...rag));
  assert.deepEqual(columnsOfType('rlhf_pair', ['chosen', 'rejected']), same('chosen', 'rejected'));
  const benchmark = ['input', 'reference', 'choices'];
  assert.deepEqual(columnsOfType('benchmark', benchmark), same(...benchmark));
  assert.equal(columnsOfType('rag_qa', ['question', 'answer']), null);
});

test('FR-003a: what is missing is named, with its other names and what the file has', () => {
  assert.equal(missingColumns('benchmark', ['input', 'answer']), null);
  const missing = missingColumns('rlhf_pair', ['prompt', 'chosen']);
  assert.equal(missing?.column, 'rejected');
  assert.match(missing.reason, /needs \[prompt\] \+ chosen \+ rejected; there is no rejected/);
  assert.match(missing.fix, /rejected: dispreferred, rejected_response/);
  assert.match(missing.fix, /The file has: prompt, chosen\./);
  const sft = missingColumns('sft_pair', ['instruction', 'x']);
  assert.equal(sft?.column, 'output');
  assert.match(sft.reason, /messages \/ instruction \+ \[input\] \+ output \/ prompt \+ completion/);
  const many = Array.from({ length: 30 }, (_, at) => `c${at}`);
  assert.match(missingColumns('pretrain_corpus', many)!.fix, /c19, … \(\+10\)/);
});
