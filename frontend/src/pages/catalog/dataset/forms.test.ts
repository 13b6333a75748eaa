import type { Dataset } from '@llm-ops/contracts';
import { DatasetCreate } from '@llm-ops/contracts';
import { describe, expect, it } from 'vitest';
import { emptyRule, ruleForm, rulesOf } from './columnRules.ts';
import { cardOf, emptyForm, formOf, payloadOf } from './datasetForm.ts';
import { formOfOptions, optionsOf } from './validationForm.ts';
import { nextVersion } from './versionLabel.ts';

describe('FR-003d: what the form of a new dataset sends', () => {
  const filled = {
    ...emptyForm('benchmark'),
    name: ' questions ',
    ownerTeam: 'nlp',
    metadata: '{"tags":["a"],"description":"loses"}',
    keyColumns: 'id, part,id ,',
    task: 'question answering',
  };
  filled.texts.description = ' Questions with answers. ';
  it('the card joins the JSON and wins over it, names are told apart, what is empty is left out', () => {
    expect(payloadOf(filled)).toEqual({
      name: 'questions',
      version: '1',
      owner_team: 'nlp',
      project: null,
      type: 'benchmark',
      metadata: { tags: ['a'], description: 'Questions with answers.' },
      change_log: null,
      key_columns: ['id', 'part'],
      column_rules: [],
      task: 'question answering',
    });
    expect(DatasetCreate.safeParse(payloadOf(filled)).success).toBe(true);
  });
  it('visibility is sent only when somebody chose it: else it changes with the approval', () => {
    expect(payloadOf(filled)).not.toHaveProperty('visibility');
    expect(payloadOf({ ...filled, visibility: 'team' })).toMatchObject({ visibility: 'team' });
  });
  it('no type takes any columns, and a task belongs to a benchmark alone', () => {
    expect(payloadOf({ ...filled, type: 'any' })).toMatchObject({ type: null, task: null });
  });
  it('a card that is opened and saved unchanged stays what it was', () => {
    const rule = { name: 'id', required: true, nullable: false, unique: true, minimum: 0, values: ['a', 'b'] };
    const dataset = {
      type: 'sft_pair',
      metadata: { description: 'Chats.', language: ['en', 'ko'], tags: { a: 1 } },
      change_log: 'Two typing errors less.',
      key_columns: ['id'],
      column_rules: [rule],
      task: null,
    } as unknown as Dataset;
    const { type, metadata, change_log, key_columns, column_rules, task } = dataset;
    expect(cardOf(formOf(dataset))).toEqual({ type, metadata, change_log, key_columns, column_rules, task });
  });
});

describe('FR-003d: rules for columns', () => {
  it('a line without a name is no rule, and only what is asked for is sent', () => {
    const rules = rulesOf([emptyRule(' id '), emptyRule('  ')]);
    expect(rules).toEqual([{ name: 'id', required: true, nullable: true, unique: false }]);
  });
  it('survive being edited', () => {
    const rule = {
      name: 'label',
      type: 'string' as const,
      required: false,
      nullable: true,
      unique: false,
      values: ['ham', 'spam'],
      minimum: -1.5,
      maximum: 2,
      min_length: 0,
      max_length: 9,
      pattern: '^[a-z]+$',
    };
    expect(rulesOf([ruleForm(rule)])).toEqual([rule]);
  });
});

describe('FR-003c: options of a validation', () => {
  it('what is left open is left out; weights count when one of them is given', () => {
    const form = formOfOptions(null);
    expect(optionsOf(form)).toEqual({ near_duplicate_threshold: 0.8 });
    form.weights.format = 0;
    form.weights.duplicates = 50;
    expect(optionsOf(form).weights).toEqual({
      missing_values: 0,
      duplicates: 50,
      distribution: 0,
      schema_compliance: 0,
      format: 0,
    });
  });
  it('come back as they were asked for the last time', () => {
    const options = {
      base_model_id: '0198f000-0000-7000-8000-000000000001',
      max_tokens: 2048,
      benchmark_ids: ['0198f000-0000-7000-8000-000000000002'],
      near_duplicate_threshold: 0.9,
      ner: false,
    };
    expect(optionsOf(formOfOptions(options))).toEqual(options);
  });
});

describe('FR-002: labels of versions that follow', () => {
  it.each([
    ['1', undefined, '2'],
    ['1.0.9', undefined, '1.0.10'],
    ['v2', undefined, 'v3'],
    ['final', undefined, 'final-2'],
    ['1.4', 'redacted', '1.4-redacted'],
    ['1.4-redacted', 'redacted', '1.4-redacted-2'],
    ['1.4-redacted-2', 'redacted', '1.4-redacted-3'],
    ['1.4-redacted-2', undefined, '1.5'],
    ['final-redacted', undefined, 'final-2'],
  ])('%s, %s: %s', (label, word, next) => {
    expect(nextVersion(label, word)).toBe(next);
  });
});
