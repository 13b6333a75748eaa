import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  QualityScore,
  Recommendation,
  scoreParts,
  type ColumnProfile,
  type DatasetFileFacts,
} from '@llm-ops/contracts';
import { recommend } from './recommend.ts';
import { factsOf, score, type ScoreFacts } from './score.ts';

const equal = { missing_values: 20, duplicates: 20, distribution: 20, schema_compliance: 20, format: 20 };
const flawless: ScoreFacts = {
  rows: 1000,
  missing: { cells: 0, of: 5000, required: 0 },
  duplicates: { exact: 0, near: 0 },
  outliers: { values: 0, of: 2000 },
  degenerate: { values: 0, of: 3000 },
  drift: { columns: 0, of: 5 },
  imbalance: { columns: 0, of: 1 },
  violations: { rules: 0, chat: 0 },
  format: { bad: 0, noted: 0, files: 2, mixed: 0, columns: 5 },
};
/** Every count of faults, by path. */
const faults = [
  'missing.cells',
  'missing.required',
  'duplicates.exact',
  'duplicates.near',
  'outliers.values',
  'degenerate.values',
  'drift.columns',
  'imbalance.columns',
  'violations.rules',
  'violations.chat',
  'format.bad',
  'format.noted',
  'format.mixed',
] as const;
const withFault = (facts: ScoreFacts, path: (typeof faults)[number], more: number): ScoreFacts => {
  const copy = structuredClone(facts) as unknown as Record<string, Record<string, number>>;
  const [group, name] = path.split('.') as [string, string];
  copy[group]![name]! += more;
  return copy as unknown as ScoreFacts;
};

describe('quality score', () => {
  it('FR-003c: 100 for a flawless set, less for any single fault, told by the formula', () => {
    const best = score(flawless, { weights: equal, threshold: 70 });
    assert.equal(QualityScore.parse(best).overall, 100);
    for (const path of faults) {
      const { overall, breakdown } = score(withFault(flawless, path, 1), { weights: equal, threshold: 70 });
      assert.ok(overall < 100, path);
      assert.equal(scoreParts.filter((part) => breakdown[part] < 100).length, 1, path);
    }
  });

  it('FR-003c: one fault among ten million cells is still seen', () => {
    const facts = { ...flawless, rows: 1e7, missing: { cells: 1, of: 5e7, required: 0 } };
    assert.equal(score(facts, { weights: equal, threshold: 70 }).overall, 99.99);
  });

  it('FR-003c: overall is the weighted mean, and the formula has the numbers', () => {
    const facts = {
      ...flawless,
      missing: { cells: 500, of: 5000, required: 0 },
      duplicates: { exact: 100, near: 100 },
      violations: { rules: 430, chat: 0 },
    };
    const found = score(facts, { weights: { ...equal, duplicates: 60, format: 0 }, threshold: 80 });
    assert.deepEqual(found.breakdown, {
      missing_values: 90,
      duplicates: 85,
      distribution: 100,
      schema_compliance: 57,
      format: 100,
    });
    // (20 × 90 + 60 × 85 + 20 × 100 + 20 × 57) / 120
    assert.equal(found.overall, 83.66);
    const [first, ...parts] = found.formula.split('\n');
    assert.equal(first, 'overall = (20 × 90 + 60 × 85 + 20 × 100 + 20 × 57 + 0 × 100) / 120 = 83.66');
    assert.equal(
      parts[1],
      'duplicates = 100 × (1 − 100 / 1000 exact duplicates − 0.5 × 100 / 1000 near duplicates) = 85',
    );
    assert.equal(found.threshold, 80);
  });

  it('FR-003c: more faults never raise a score, and it stays between 0 and 100', () => {
    const count = fc.nat({ max: 1e7 });
    const facts = fc.record({
      rows: fc.integer({ min: 0, max: 1e7 }),
      missing: fc.record({ cells: count, of: count, required: count }),
      duplicates: fc.record({ exact: count, near: count }),
      outliers: fc.record({ values: count, of: count }),
      degenerate: fc.record({ values: count, of: count }),
      drift: fc.record({ columns: count, of: count }),
      imbalance: fc.record({ columns: count, of: count }),
      violations: fc.record({ rules: count, chat: count }),
      format: fc.record({ bad: count, noted: count, files: count, mixed: count, columns: count }),
    });
    const weight = fc.double({ min: 0, max: 100, noNaN: true });
    const weights = fc.record({
      missing_values: weight,
      duplicates: weight,
      distribution: weight,
      schema_compliance: weight,
      format: weight,
    });
    fc.assert(
      fc.property(facts, weights, fc.constantFrom(...faults), fc.nat({ max: 1e6 }), (before, weighted, path, more) => {
        const options = { weights: weighted, threshold: 70 };
        const [a, b] = [score(before, options), score(withFault(before, path, more), options)];
        QualityScore.parse(a);
        assert.ok(b.overall <= a.overall, `${a.formula}\n${b.formula}`);
        for (const part of scoreParts) assert.ok(b.breakdown[part] <= a.breakdown[part], part);
      }),
      { numRuns: 1000, seed: 3 },
    );
  });

  it('FR-003c: weights of 0 alone count as equal; without rows all is 0', () => {
    const none = { missing_values: 0, duplicates: 0, distribution: 0, schema_compliance: 0, format: 0 };
    const facts = { ...flawless, duplicates: { exact: 500, near: 0 } };
    assert.equal(score(facts, { weights: none, threshold: 70 }).overall, 90);
    const empty = score({ ...flawless, rows: 0 }, { weights: equal, threshold: 70 });
    assert.equal(empty.overall, 0);
    assert.match(empty.formula, /no rows/);
  });

  const column = (name: string, more: Partial<ColumnProfile>): ColumnProfile => ({
    name,
    type: 'string',
    missing: 0,
    empty: 0,
    distinct: 100,
    minimum: null,
    maximum: null,
    mean: null,
    deviation: null,
    quantiles: [],
    bins: [],
    values: [],
    outliers: 0,
    ...more,
  });
  const profile = {
    rows: 100,
    duplicate_rows: 0,
    columns: [
      column('age', { type: 'integer', missing: 10, outliers: 3 }),
      column('text', { empty: 5, outliers: 2 }),
      column('label', {
        distinct: 2,
        values: [
          { value: 'yes', count: 97 },
          { value: 'no', count: 3 },
        ],
      }),
      column('both', { type: 'mixed' }),
    ],
  };
  const file: DatasetFileFacts = {
    format: 'csv',
    encoding: 'cp949',
    bom: false,
    compression: null,
    dialect: null,
    rows: 100,
    bad_rows: 7,
    columns: [],
    notes: [],
  };

  it('FR-003c: facts that a profile and the files tell', () => {
    assert.deepEqual(factsOf(profile, [file, { ...file, encoding: 'utf-8', bad_rows: 0 }]), {
      rows: 100,
      missing: { cells: 15, of: 400, required: 0 },
      outliers: { values: 3, of: 90 },
      degenerate: { values: 2, of: 295 },
      imbalance: { columns: 1, of: 1 },
      format: { bad: 7, noted: 1, files: 2, mixed: 1, columns: 4 },
    });
  });

  it('FR-003c: recommendations: worst first, with counts and the next action; nothing about a flawless set', () => {
    const nothing = { counts: [], drift: null, contamination: [], tokens: null, advice: {} };
    const clean = { rows: 100, duplicate_rows: 0, columns: [column('text', {})] };
    assert.deepEqual(recommend({ ...nothing, facts: flawless, profile: clean }), []);
    const facts = { ...flawless, ...factsOf(profile, [file]), duplicates: { exact: 4, near: 2 } };
    const found = recommend({
      facts,
      profile,
      counts: [
        { kind: 'pii', type: 'email', count: 12 },
        { kind: 'chat', type: 'chat_empty_turn', count: 3 },
        { kind: 'outlier', type: 'long', count: 5 },
      ],
      drift: [
        {
          column: 'age',
          test: 'ks',
          statistic: 0.4,
          p_value: 1e-9,
          before: [{ label: '0', count: 50 }],
          after: [{ label: '0', count: 50 }],
        },
      ],
      contamination: [{ benchmark_id: 'b', name: 'MMLU', items: 2, rows: 3 }],
      tokens: { total: 9000, longest: 5000, over_limit: 1, limit: 4096 },
      advice: { chat_empty_turn: { message: 'A message is blank.', fix: 'Remove it.' } },
    });
    for (const each of found) Recommendation.parse(each);
    assert.deepEqual(
      found.map(({ severity, message }) => `${severity}: ${message}`),
      [
        'error: E-mail address: 12 values, personal or secret.',
        'error: 3 rows: A message is blank.',
        'warning: Values are missing in “age”: up to 10.0 % of the rows.',
        'warning: 7 rows left out: they could not be read.',
        'warning: 4 exact duplicates: 4.0 % of the rows.',
        'warning: 2 items of the benchmark “MMLU” found in 3 rows.',
        'warning: 1 example with more than 4,096 tokens; the longest has 5,000.',
        'warning: In 1 column of labels one value stands for nearly all rows.',
        'warning: The distribution differs from the previous version in “age”.',
        'warning: Values of several types in 1 column.',
        'info: 5 values far from the others, most in “age”, “text”.',
        'info: 2 near duplicates: 2.0 % of the rows.',
        'info: 1 file converted, or with a note.',
      ],
    );
  });
});
