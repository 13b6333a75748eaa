import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DistributionChange } from '@llm-ops/contracts';
import { drift, isDrift } from './drift.ts';
import { createRows, type Rows } from './rows.fixture.ts';
import type { RowsFile } from './tasks.ts';

describe('drift between two versions', () => {
  let rows: Rows;
  before(async () => void (rows = await createRows()));
  after(() => rows.close());

  const compare = async (own: RowsFile, other: RowsFile): Promise<Map<string, DistributionChange>> => {
    const db = await rows.open([own, other]);
    const { changes } = await drift(db, [own], [other], { mask: (value) => value.replace(/@.*/, '@…') });
    return new Map(changes.map((change) => [change.column, DistributionChange.parse(change)]));
  };
  const types = { n: 'number', text: 'string', label: 'string', flag: 'boolean', day: 'date' } as const;
  const make = (name: string, rows_: number, columns: string): Promise<RowsFile> =>
    rows.make(name, `select ${columns} from (select i, hash(i) % 1000 as h from range(${rows_}) t(i))`, types);
  const plain = `h::varchar as n, repeat('x', (20 + h % 30)::int) || i as text, 'l' || (h % 4) as label, h % 2 = 0 as flag,
    (date '2024-01-01' + (h % 365)::int)::varchar as day`;

  it('FR-003-cmp, US1.6: the same distribution does not drift, another one does, by column', async () => {
    const own = await make('a.csv', 5000, plain);
    const same = await compare(own, await make('b.csv', 4000, plain));
    assert.deepEqual([...same.keys()].toSorted(), ['day', 'flag', 'label', 'n', 'text']);
    for (const change of same.values()) {
      assert.ok(!isDrift(change), JSON.stringify(change));
      assert.equal(
        change.before.reduce((sum, { count }) => sum + count, 0),
        5000,
      );
      assert.equal(
        change.after.reduce((sum, { count }) => sum + count, 0),
        4000,
      );
      assert.deepEqual(
        change.before.map(({ label }) => label),
        change.after.map(({ label }) => label),
      );
    }
    const other = await compare(
      own,
      await make(
        'c.csv',
        4000,
        `(h + 500)::varchar as n, repeat('x', (5 + h % 30)::int) || i as text, case when h % 10 < 6 then 'l0' when h % 10 < 8 then null else 'l5' end as label,
         h % 2 = 0 as flag, (date '2025-01-01' + (h % 365)::int)::varchar as day`,
      ),
    );
    assert.deepEqual(
      [...other.values()].map((change) => [change.column, change.test, isDrift(change)]),
      [
        ['day', 'ks', true],
        ['label', 'chi2', true],
        ['n', 'ks', true],
        ['text', 'ks', true],
        ['flag', 'chi2', false],
      ],
    );
    assert.ok(Math.abs(other.get('n')!.statistic - 0.5) < 0.03);
    assert.equal(other.get('day')!.statistic, 1);
    assert.match(other.get('day')!.before[0]!.label, /^2024-01-01 – 20/);
    assert.deepEqual(
      other.get('label')!.after.map(({ label }) => label),
      ['(missing)', 'l0', 'l1', 'l2', 'l3', 'l5'],
    );
  });

  it('FR-003-cmp: what is said of a column does not depend on how many others there are', async () => {
    const others = Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`more${at}`, 'integer' as const]));
    const more = Object.keys(others).map((name) => `'1' as ${name}`);
    const changed = `(h + 300)::varchar as n, repeat('x', (5 + h % 30)::int) as text, 'l' || (h % 3) as label, null::boolean as flag,
      (date '2024-03-01' + (h % 365)::int)::varchar as day`;
    const narrow = await compare(await make('f.csv', 900, plain), await make('g.csv', 700, changed));
    const wide = (name: string, count: number, columns: string): Promise<RowsFile> =>
      rows.make(
        name,
        `select ${columns}, ${more.join(', ')} from (select i, hash(i) % 1000 as h from range(${count}) t(i))`,
        { ...types, ...others },
      );
    const found = await compare(await wide('h.csv', 900, plain), await wide('i.csv', 700, changed));
    assert.equal(narrow.size, 5);
    for (const [name, change] of narrow) assert.deepEqual(found.get(name), change, name);
  });

  it('FR-003-cmp: many rows are sampled, the same ones each time, and counts are scaled up', async () => {
    const big = (shift: number): string => `select (hash(i) % 1000 + ${shift})::bigint as n from range(250000) t(i)`;
    const own = await rows.make('d.jsonl', big(0), { n: 'integer' });
    const other = await rows.make('e.jsonl', big(50), { n: 'integer' });
    const [one, two] = [await compare(own, other), await compare(own, other)];
    assert.deepEqual([...one], [...two]);
    const { statistic, before: counts } = one.get('n')!;
    assert.ok(Math.abs(statistic - 0.05) < 0.01, String(statistic));
    const total = counts.reduce((sum, { count }) => sum + count, 0);
    assert.ok(Math.abs(total - 250_000) < 5000, String(total));
  });

  it('FR-003-cmp: what is a number in one version and a text in the other is compared as text; labels are masked', async () => {
    const own = await rows.make('f.csv', `select i::varchar as n, 'ann@example.com' as who from range(100) t(i)`, {
      n: 'integer',
      who: 'string',
    });
    const other = await rows.make(
      'g.jsonl',
      `select 'number ' || i as n, 'bob@example.com' as who from range(100) t(i)`,
      {
        n: 'string',
        who: 'string',
      },
    );
    const changes = await compare(own, other);
    assert.equal(changes.get('n')!.statistic, 1);
    assert.deepEqual(changes.get('who')!.before, [
      { label: 'ann@…', count: 100 },
      { label: 'bob@…', count: 0 },
    ]);
    assert.equal((await drift(await rows.open([own]), [own], [], { mask: String })).count, 0);
  });
});
