import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFailure } from '../../platform/errors/index.ts';
import { filtersOf, sortOf } from './filters.ts';

const columns = ['label', 'a:b', 'a', 'a:eq', '-x', 'x', 'note'];

test('FR-003b: a filter is column:operator:value, whatever colons are in column and value', () => {
  for (const [text, column, operator, value] of [
    ['label:eq:spam', 'label', 'eq', 'spam'],
    ['label:contains:http://x:80', 'label', 'contains', 'http://x:80'],
    ['a:b:gt:3', 'a:b', 'gt', '3'],
    ['a:eq:5', 'a', 'eq', '5'],
    ['a:eq:eq:5', 'a:eq', 'eq', '5'],
    ['a:eq:', 'a', 'eq', ''],
    ['note:is_null', 'note', 'is_null', null],
    ['note:not_null:', 'note', 'not_null', null],
  ] as const) {
    assert.deepEqual(filtersOf(text, columns), [{ column, operator, value }], text);
  }
  assert.deepEqual(filtersOf(undefined, columns), []);
  assert.equal(filtersOf(['label:eq:a', 'x:lt:2'], columns).length, 2);
});

test('FR-003b: what is wrong with a filter or an order is told with the columns that there are', () => {
  for (const [text, expected] of [
    ['colour:eq:red', /names no column.*label, a:b, a/],
    ['label:like:x', /label must come one of eq, ne, contains/],
    ['label:eq', /Give a value: label:eq:value/],
  ] as const) {
    assert.throws(
      () => filtersOf(text, columns),
      (error) => isFailure(error, 'validation_failed') && expected.test(error.issues?.[0]?.message ?? ''),
    );
  }
  assert.deepEqual(sortOf('-x', columns), { column: '-x', descending: false });
  assert.deepEqual(sortOf('-note', columns), { column: 'note', descending: true });
  assert.equal(sortOf('', columns), null);
  assert.throws(() => sortOf('colour', columns), /./);
});
