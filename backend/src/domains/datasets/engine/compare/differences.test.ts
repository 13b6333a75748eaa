import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import type { ColumnType } from '@llm-ops/contracts';
import { compare } from '../compare.ts';
import { literal } from '../duckdb.ts';
import { createRows, type Rows } from '../rows.fixture.ts';
import type { CompareInput, CompareOutput, RowsFile } from '../tasks.ts';

describe('comparison of versions', () => {
  let rows: Rows;
  before(async () => void (rows = await createRows()));
  after(() => rows.close());

  const run = (own: RowsFile[], other: RowsFile[], more: Partial<CompareInput> = {}): Promise<CompareOutput> =>
    compare(
      {
        before: own,
        after: other,
        keyColumns: [],
        limit: 100,
        offset: 0,
        change: null,
        columns: { offset: 0, limit: 200 },
        cellLimit: 1000,
        kept: mkdtempSync(path.join(rows.folder, 'kept-')),
        scratch: rows.folder,
        ...more,
      },
      { memoryMb: 512, progress: () => {}, ask: () => Promise.reject(new Error('nobody is asked')) },
    );
  const make = (name: string, values: readonly string[], names: readonly string[]): Promise<RowsFile> =>
    rows.make(
      name,
      values.length === 0
        ? `select ${names.map((column) => `''::varchar as ${column}`).join(', ')} from range(0)`
        : `select * from (values ${values.join(', ')}) t(${names.join(', ')})`,
      Object.fromEntries(names.map((column) => [column, 'string' as ColumnType])),
    );

  type Pair = [string | null, string];
  const small = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', null), fc.constantFrom('x', 'y', 'z')), {
    maxLength: 8,
  });

  it('FR-003-cmp: counts as plain JavaScript counts them, with and without keys, over several files', async () => {
    let number = 0;
    const write = (list: readonly Pair[]): Promise<RowsFile> =>
      make(
        `r${number++}`,
        list.map(([key, value]) => `(${key === null ? 'null' : literal(key)}, ${literal(value)})`),
        ['k', 'v'],
      );
    await fc.assert(
      fc.asyncProperty(small, small, fc.nat({ max: 8 }), async (own, other, cut) => {
        const old = [await write(own.slice(0, cut)), await write(own.slice(cut))];
        const now = [await write(other)];
        const keyed = await run(old, now, { keyColumns: ['k'] });
        const { summary, duplicateKeys } = expectedByKey(own, other);
        assert.deepEqual([keyed.summary, keyed.duplicateKeys], [summary, duplicateKeys]);
        assert.equal(keyed.rows.length, summary.added + summary.removed + summary.modified);
        for (const row of keyed.rows) assert.deepEqual(row.cells, row.change === 'modified' ? ['v'] : []);
        const bag = await run(old, now);
        assert.deepEqual(bag.summary, expectedByContent(own, other));
        assert.deepEqual(
          bag.rows.filter(({ change }) => change === 'added').map((row) => row.after!['v']).length,
          bag.summary.added,
        );
      }),
      { numRuns: 12, seed: 11 },
    );
  });

  it('FR-003-cmp: other types and columns are compared as text, and the schema says what changed', async () => {
    const own = await rows.make(
      'types.csv',
      `select * from (values ('1', '1.5', '007', 'x'), ('2', '2.0', '8', 'x'), ('3', '3', '9', 'x')) t(id, n, code, gone)`,
      { id: 'integer', n: 'number', code: 'string', gone: 'string' },
    );
    const other = await rows.make(
      'types.jsonl',
      `select * from (values (1::bigint, 1.5::double, 7::bigint, true), (2, 2.0, 8, null), (3, 3.0, 9, null)) t(id, n, code, come)`,
      { id: 'integer', n: 'number', code: 'integer', come: 'boolean' },
    );
    const found = await run([own], [other], { keyColumns: ['id'] });
    assert.deepEqual(
      found.rows.map(({ key, cells }) => [key, cells]),
      [
        [{ id: 1 }, ['code']],
        // 3 and 3.0 are other texts
        [{ id: 3 }, ['n']],
      ],
    );
    assert.deepEqual(found.summary, { added: 0, removed: 0, modified: 2, unchanged: 1 });
    assert.deepEqual(found.rows[0]!.before, { id: '1', n: '1.5', code: '007', gone: 'x' });
    assert.deepEqual(found.rows[0]!.after, { id: 1, n: 1.5, code: 7, come: true });
    assert.deepEqual(
      [found.schema.added, found.schema.removed, found.schema.changed].map((list) => list.map(({ name }) => name)),
      [['come'], ['gone'], ['code']],
    );
  });

  it('FR-003-cmp: nested cells are JSON values, long ones are cut, and the cut part counts', async () => {
    const select = (end: string): string =>
      `select 'k' as k, repeat('가', 50) || '${end}' as long, '{"a":[1,"${end}"]}'::json as j, [1, 2] as l, 9007199254740993::bigint as big`;
    const types = { k: 'string', long: 'string', j: 'object', l: 'list', big: 'integer' } as const;
    const [own, other] = [
      await rows.make('n1.jsonl', select('x'), types),
      await rows.make('n2.jsonl', select('y'), types),
    ];
    const { rows: page } = await run([own], [other], { keyColumns: ['k'], cellLimit: 20 });
    assert.deepEqual(page[0]!.cells, ['long', 'j']);
    assert.deepEqual(page[0]!.after, {
      k: 'k',
      long: `${'가'.repeat(20)}…`,
      j: { a: [1, 'y'] },
      l: [1, 2],
      big: '9007199254740993',
    });
  });

  it('FR-003-cmp: pages in the order of the rows, by change, across files', async () => {
    const names = ['k', 'v'];
    const row = (key: number, value: string): string => `('${key}', '${value}')`;
    const old = [
      await make('p1', [row(1, 'a'), row(2, 'b')], names),
      await make('p2', [row(3, 'c'), row(4, 'd')], names),
    ];
    const now = [
      await make('p3', [row(5, 'e'), row(1, 'a')], names),
      await make('p4', [row(3, 'C'), row(4, 'd'), row(6, 'f')], names),
    ];
    const all = await run(old, now, { keyColumns: ['k'] });
    assert.deepEqual(
      all.rows.map(({ change, key }) => `${change} ${key!['k'] as string}`),
      ['added 5', 'removed 2', 'modified 3', 'added 6'],
    );
    const page = await run(old, now, { keyColumns: ['k'], change: 'added', limit: 1 });
    assert.deepEqual([page.rows.length, page.truncated, page.rows[0]!.key], [1, true, { k: '5' }]);
    const last = await run(old, now, { keyColumns: ['k'], change: 'added', limit: 1, offset: 1 });
    assert.deepEqual([last.rows[0]!.key, last.truncated], [{ k: '6' }, false]);
  });

  it('FR-003-cmp: of more columns than fit a scan the last one counts too', async () => {
    const names = Array.from({ length: 420 }, (_, at) => `c${at}`);
    const select = (last: string): string =>
      `select * replace (case when i = 3 then '${last}' else c419 end as c419) from (select i::varchar as i, ${names
        .map((name, at) => `(i * ${at})::varchar as ${name}`)
        .join(', ')} from range(5) t(i))`;
    const types = Object.fromEntries(['i', ...names].map((name) => [name, 'integer' as ColumnType]));
    const [own, other] = [await rows.make('w1', select('x'), types), await rows.make('w2', select('y'), types)];
    const { summary, rows: page } = await run([own], [other], { keyColumns: ['i'] });
    assert.deepEqual(summary, { added: 0, removed: 0, modified: 1, unchanged: 4 });
    assert.deepEqual(page[0]!.cells, ['c419']);
    assert.deepEqual((await run([own], [other])).summary, { added: 1, removed: 1, modified: 0, unchanged: 4 });
  });

  function expectedByKey(own: readonly Pair[], other: readonly Pair[]) {
    const grouped = (list: readonly Pair[]): Map<string, string[]> => {
      const groups = new Map<string, string[]>();
      for (const [key, value] of list) groups.set(String(key), [...(groups.get(String(key)) ?? []), value]);
      return groups;
    };
    const [a, b] = [grouped(own), grouped(other)];
    const summary = { added: 0, removed: 0, modified: 0, unchanged: 0 };
    for (const key of new Set([...a.keys(), ...b.keys()])) {
      const [was, is] = [a.get(key) ?? [], b.get(key) ?? []];
      for (let at = 0; at < Math.max(was.length, is.length); at++) {
        if (at >= was.length) summary.added++;
        else if (at >= is.length) summary.removed++;
        else if (was[at] === is[at]) summary.unchanged++;
        else summary.modified++;
      }
    }
    return { summary, duplicateKeys: { before: own.length - a.size, after: other.length - b.size } };
  }

  function expectedByContent(own: readonly Pair[], other: readonly Pair[]): CompareOutput['summary'] {
    const left = other.map((pair) => JSON.stringify(pair));
    let unchanged = 0;
    for (const pair of own) {
      const at = left.indexOf(JSON.stringify(pair));
      if (at === -1) continue;
      left.splice(at, 1);
      unchanged++;
    }
    return { added: left.length, removed: own.length - unchanged, modified: 0, unchanged };
  }
});
