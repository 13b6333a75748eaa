import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DatasetProfile, type ColumnProfile } from '@llm-ops/contracts';
import { profile } from './profile.ts';
import { createRows, type Rows } from './rows.fixture.ts';
import type { RowsFile } from './tasks.ts';

describe('profile of a dataset', () => {
  let rows: Rows;
  before(async () => void (rows = await createRows()));
  after(() => rows.close());

  const look = async (files: RowsFile[], mask = (value: string): string => value): Promise<DatasetProfile> => {
    const found = await profile(await rows.open(files), files, { mask });
    return DatasetProfile.parse(found);
  };
  const of = (found: DatasetProfile, name: string): ColumnProfile =>
    found.columns.find((column) => column.name === name)!;

  it('FR-003c: a CSV: counts, numbers read from their text, planted outliers, duplicates', async () => {
    // 1,000 rows, of which the last ten repeat the first ten
    const file = await rows.make(
      'a.csv',
      `select i::varchar as id, case when i % 10 = 0 then null when i % 10 = 1 then '  ' else 'label' || (i % 3) end as label,
              case when i = 77 then '1e6' else ((i * 7919) % 101)::varchar end as amount,
              repeat('가', (20 + i % 10)::int) || case when i = 5 then repeat('x', 5000) else '' end as text
       from (select case when i < 990 then i else i - 990 end as i from range(1000) t(i))`,
      { id: 'integer', label: 'string', amount: 'integer', text: 'string' },
    );
    const found = await look([file]);
    assert.equal(found.rows, 1000);
    assert.equal(found.duplicate_rows, 10);
    const apart = await profile(await rows.open([file]), [file], { mask: (value) => value, rowsAtOnce: 100 });
    assert.equal(apart.duplicate_rows, 10, 'as of very many rows');
    const label = of(found, 'label');
    assert.equal(label.missing, 100);
    assert.equal(label.empty, 100);
    assert.equal(label.distinct, 4);
    assert.deepEqual(label.values.map(({ value }) => value).toSorted(), ['  ', 'label0', 'label1', 'label2']);
    const amount = of(found, 'amount');
    assert.equal(amount.outliers, 1);
    assert.equal(amount.minimum, 0);
    assert.equal(amount.maximum, 1e6);
    assert.equal(amount.distinct, 102);
    assert.equal(amount.bins.length, 20);
    assert.equal(
      amount.bins.reduce((sum, { count }) => sum + count, 0),
      1000,
    );
    // one far value leaves the others spread over all bins
    assert.equal(amount.bins.filter(({ count }) => count > 40).length, 17);
    assert.ok(Math.abs(amount.quantiles[2]! - 50) <= 1);
    const text = of(found, 'text');
    // rows 5 and 995
    assert.equal(text.outliers, 2);
    assert.equal(text.minimum, 20);
    assert.equal(text.maximum, 5025);
    assert.deepEqual(text.values, []);
    assert.equal(of(found, 'id').distinct, 990);
  });

  it('FR-003c: lengths and numbers as plain JavaScript counts them', async () => {
    const file = await rows.make(
      'b.jsonl',
      `select (i * 7919) % 1013 as n, repeat('x', ((i * 31) % 57)::int) as t from range(3000) t(i)`,
      { n: 'integer', t: 'string' },
    );
    const found = await look([file]);
    const numbers = Array.from({ length: 3000 }, (_, i) => (i * 7919) % 1013).sort((a, b) => a - b);
    const lengths = Array.from({ length: 3000 }, (_, i) => (i * 31) % 57).sort((a, b) => a - b);
    for (const [name, values] of [
      ['n', numbers],
      ['t', lengths],
    ] as const) {
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
      const column = of(found, name);
      near(column.mean, mean);
      near(column.deviation, Math.sqrt(squares / (values.length - 1)));
      column.quantiles.forEach((quantile, at) => {
        const rank = [0.05, 0.25, 0.5, 0.75, 0.95][at]! * (values.length - 1);
        const low = values[Math.floor(rank)]!;
        near(quantile, low + (rank % 1) * (values[Math.ceil(rank)]! - low));
      });
      for (const [at, { from, to, count }] of column.bins.entries()) {
        const last = at === column.bins.length - 1;
        assert.equal(count, values.filter((value) => value >= from && (last ? value <= to : value < to)).length);
      }
    }
    assert.equal(of(found, 't').empty, lengths.filter((length) => length === 0).length);
  });

  it('FR-003c: types of their own: dates, booleans, lists, objects, binary, nothing at all', async () => {
    const file = await rows.make(
      'c.parquet',
      `select date '2024-01-01' + (i % 100)::int as day, timestamp '2024-01-01' + to_hours(i) as moment, i % 2 = 0 as flag,
              case when i % 4 = 0 then '[]' else '[1,2]' end::json as list, case when i = 3 then [] else [i] end as native, {'a': i} as object,
              'x'::blob as bytes, null::varchar as nothing, 'nan'::double as nan, 1e300 * (1 + i) as huge,
              case when i = 0 then '"text"' else '1' end::json as mixed, 0.5::decimal(9, 2) + i as decimal
       from range(400) t(i)`,
      {
        day: 'date',
        moment: 'datetime',
        flag: 'boolean',
        list: 'list',
        native: 'list',
        object: 'object',
        bytes: 'binary',
        nothing: 'string',
        nan: 'number',
        huge: 'number',
        mixed: 'mixed',
        decimal: 'number',
      },
    );
    const found = await look([file]);
    const day = of(found, 'day');
    assert.deepEqual([day.minimum, day.maximum, day.distinct], ['2024-01-01', '2024-04-09', 100]);
    assert.equal(
      day.bins.reduce((sum, { count }) => sum + count, 0),
      400,
    );
    assert.equal(of(found, 'moment').maximum, '2024-01-17T15:00:00.000Z');
    assert.deepEqual(of(found, 'flag').values, [
      { value: 'false', count: 200 },
      { value: 'true', count: 200 },
    ]);
    assert.equal(of(found, 'list').empty, 100);
    assert.equal(of(found, 'native').empty, 1);
    assert.equal(of(found, 'object').distinct, 400);
    assert.equal(of(found, 'bytes').maximum, 1);
    assert.equal(of(found, 'nothing').missing, 400);
    assert.deepEqual([of(found, 'nan').mean, of(found, 'huge').mean, of(found, 'huge').maximum], [null, null, null]);
    assert.equal(of(found, 'mixed').distinct, 2);
    assert.deepEqual([of(found, 'decimal').minimum, of(found, 'decimal').maximum], [0.5, 399.5]);
  });

  it('FR-003c: files with other columns and types are one dataset', async () => {
    const one = await rows.make('1.jsonl', `select 1::bigint as n, 'a' as only, '{"k":1}'::json as j`, {
      n: 'integer',
      only: 'string',
      j: 'object',
    });
    const two = await rows.make('2.jsonl', `select 'x' as j, 2.5::double as n, 'B' as "N" from range(2)`, {
      j: 'string',
      n: 'number',
    });
    const found = await look([one, two]);
    assert.deepEqual([found.rows, found.duplicate_rows], [3, 1]);
    assert.deepEqual(
      found.columns.map(({ name, type, missing, distinct }) => [name, type, missing, distinct]),
      [
        ['n', 'number', 0, 2],
        ['only', 'string', 2, 1],
        ['j', 'mixed', 0, 2],
      ],
    );
  });

  it('FR-003c: values, and numbers that identify, are reported masked', async () => {
    const file = await rows.make(
      'd.csv',
      `select 'someone' || (i % 2) || '@example.com' as mail, (8001011000000 + i % 60)::varchar as number from range(100) t(i)`,
      { mail: 'string', number: 'integer' },
    );
    const found = await look([file], (value) => (/@|\d{13}/.test(value) ? '***' : value));
    const text = JSON.stringify(found.columns.map(({ values, minimum, maximum }) => [values, minimum, maximum]));
    assert.ok(!text.includes('example') && !text.includes('80010'), text);
    assert.equal(of(found, 'mail').values[0]?.count, 50);
  });

  it('FR-003c: no rows, and a single one', async () => {
    const none = await rows.make('e.csv', `select '1' as n from range(0)`, { n: 'integer' });
    const found = await look([none]);
    assert.deepEqual([found.rows, found.duplicate_rows, found.columns[0]!.distinct], [0, 0, 0]);
    const single = await look([
      await rows.make('f.csv', `select '1' as n, 'text' as t`, { n: 'integer', t: 'string' }),
    ]);
    assert.deepEqual(single.columns[0]!.bins, [{ from: 1, to: 1, count: 1 }]);
    assert.equal(single.duplicate_rows, 0);
  });

  it('FR-003c: of very many rows few different values are counted exactly, and many are estimated', async () => {
    const file = await rows.make(
      'many.csv',
      `select 'label' || (i % 50) as label, (i % 100)::varchar as hundred, (i * 7919 % 10000)::varchar as some, 'row ' || i as own
       from range(120000) t(i)`,
      { label: 'string', hundred: 'integer', some: 'integer', own: 'string' },
    );
    const found = await look([file]);
    assert.deepEqual(
      ['label', 'hundred', 'some'].map((name) => of(found, name).distinct),
      [50, 100, 10_000],
    );
    assert.equal(of(found, 'label').values.length, 50);
    // three times the error of an estimate
    const { distinct } = of(found, 'own');
    assert.ok(distinct > 120_000 * 0.58 && distinct <= 120_000, String(distinct));
    assert.equal(found.duplicate_rows, 0);
  });

  it('FR-003c: many columns are looked at in batches, duplicates over all of them', async () => {
    const names = Array.from({ length: 450 }, (_, at) => `c${at}`);
    const select = names.map((name, at) => `((i % 20) * ${at + 1})::varchar as ${name}`).join(', ');
    const types = Object.fromEntries(names.map((name) => [name, 'integer' as const]));
    // the last row differs from its twin by its last column alone
    const file = await rows.make(
      'wide.csv',
      `select * exclude (i) replace (case when i = 39 then 'x' else c449 end as c449) from (select i, ${select} from range(40) t(i))`,
      types,
    );
    const found = await look([file]);
    assert.equal(found.columns.length, 450);
    assert.equal(found.duplicate_rows, 19);
    assert.ok(found.columns.slice(0, -1).every(({ distinct }) => distinct === 20));
    assert.equal(found.columns[449]!.maximum, 8550);
  });

  it('FR-003c: what is said of a column does not depend on how many others there are', async () => {
    const columns = `case when i % 7 = 0 then null else (i * 7919) % 101 end::varchar as csv, i % 5 as whole, i / 8 as fraction,
      'label' || (i % 3) as label, case when i % 9 = 0 then ' ' else repeat('가', (i % 40)::int) || i end as text, i % 2 = 0 as flag,
      date '2024-01-01' + (i % 100)::int as day, case when i % 4 = 0 then [] else [i] end as list, 'x'::blob as bytes,
      case when i = 5 then 1e9 else i % 10 end as far, null::varchar as nothing, case when i % 2 = 0 then '{}' else '{"a":1}' end::json as object`;
    const types = {
      csv: 'integer',
      whole: 'integer',
      fraction: 'number',
      label: 'string',
      text: 'string',
      flag: 'boolean',
      day: 'date',
      list: 'list',
      bytes: 'binary',
      far: 'number',
      nothing: 'string',
      object: 'object',
    } as const;
    const others = Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`more${at}`, 'integer' as const]));
    const more = Object.keys(others).map((name, at) => `(i * ${at} % 7)::varchar as ${name}`);
    for (const count of [800, 9_000]) {
      const range = `range(${count}) t(i)`;
      const narrow = await look([await rows.make(`narrow-${count}.parquet`, `select ${columns} from ${range}`, types)]);
      const wide = await look([
        await rows.make(`wider-${count}.parquet`, `select ${columns}, ${more.join(', ')} from ${range}`, {
          ...types,
          ...others,
        }),
      ]);
      for (const column of narrow.columns)
        assert.deepEqual(rounded(of(wide, column.name)), rounded(column), column.name);
      assert.equal(of(wide, 'far').outliers, 1);
      assert.deepEqual([wide.columns.length, wide.duplicate_rows], [312, 0]);
    }
  });
});

/** Sums depend on the order of what is added in their last digits. */
const rounded = ({ mean, deviation, ...column }: ColumnProfile): unknown => ({
  ...column,
  mean: mean?.toPrecision(12),
  deviation: deviation?.toPrecision(12),
});

function near(actual: number | null, expected: number): void {
  assert.ok(
    actual !== null && Math.abs(actual - expected) < 1e-9 * Math.max(1, Math.abs(expected)),
    `${actual}, not ${expected}`,
  );
}
