import type { ColumnProfile, Dataset } from '@llm-ops/contracts';
import { describe, expect, it } from 'vitest';
import { cellText, conversationOf, firstWords, structureOf } from './cells.ts';
import { barsOf } from './columnFigures.ts';
import { addressQuery, apiQuery, filterOf, filterText, offsetOf, operatorsFor, stateOf } from './previewQuery.ts';

describe('FR-003b: what part of the rows is looked at is in the address', () => {
  const state = {
    offset: 100,
    limit: 25,
    search: 'refund',
    filters: [
      { column: 'label', operator: 'eq' as const, value: 'a:b' },
      { column: 'note', operator: 'is_null' as const, value: '' },
    ],
    sort: { column: 'score', descending: true },
  };
  it('and comes back from it', () => {
    expect(stateOf(addressQuery(state))).toEqual(state);
    expect(addressQuery(stateOf({}))).toEqual({
      at: undefined,
      rows: undefined,
      q: undefined,
      filter: undefined,
      sort: undefined,
    });
  });
  it('is asked of the platform', () => {
    expect(apiQuery(state)).toEqual({
      offset: 100,
      search: 'refund',
      filter: ['label:eq:a:b', 'note:is_null'],
      sort: '-score',
    });
    expect(apiQuery(stateOf({}))).toEqual({ offset: 0 });
  });
  it('whatever makes no sense is as if it were not there', () => {
    expect(stateOf({ at: '-5', rows: '7', filter: ['nonsense', 'a:eq:1'], sort: '' })).toEqual({
      offset: 0,
      limit: 50,
      search: '',
      filters: [{ column: 'a', operator: 'eq', value: '1' }],
      sort: null,
    });
  });
  it.each(['label:eq:', 'a:contains:x:y', 'b:not_null'])('%s is a filter', (text) => {
    expect(filterText(filterOf(text)!)).toBe(text);
  });
  it.each(['label:eq', 'b:not_null:1', ':eq:1', 'label:like:x'])('%s is none', (text) => {
    expect(filterOf(text)).toBeNull();
  });
  it('offers what makes sense for a column', () => {
    expect(operatorsFor({ type: 'boolean' })).toEqual(['eq', 'ne', 'is_null', 'not_null']);
    expect(operatorsFor({ type: 'number' })).toContain('gte');
    expect(operatorsFor({ type: 'number' })).not.toContain('contains');
    expect(operatorsFor({ type: 'list' })).toContain('contains');
  });
});

describe('FR-003b: a finding leads to its row', () => {
  const files = [
    { path: 'a.csv', facts: { rows: 120 } },
    { path: 'b.csv', facts: { rows: 5 } },
    { path: 'c.csv', facts: null },
  ] as unknown as Dataset['files'];
  it.each([
    ['a.csv', 0, 0],
    ['a.csv', 119, 119],
    ['b.csv', 3, 123],
    ['b.csv', 5, null],
    ['c.csv', 0, null],
    ['gone.csv', 0, null],
  ] as const)('row %2$d of %1$s: %3$s', (file, row, offset) => {
    expect(offsetOf(files, file, row)).toBe(offset);
  });
});

describe('FR-003b: cells as people read them', () => {
  const messages = [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Hello?' },
    { role: 'assistant', content: 'Hi.' },
  ];
  it('a chat is a conversation, also as JSON text and in the words of ShareGPT', () => {
    expect(conversationOf(messages)).toEqual(messages);
    expect(conversationOf(JSON.stringify(messages))).toEqual(messages);
    expect(firstWords(messages)).toBe('Hello?');
    expect(
      conversationOf([
        { from: 'human', value: 'Hello?' },
        { from: 'gpt', value: 'Hi.', weight: 0 },
      ]),
    ).toEqual([
      { role: 'user', content: 'Hello?' },
      { role: 'assistant', content: 'Hi.', weight: 0 },
    ]);
  });
  it('a chat that was cut off is read as far as it goes', () => {
    const cut = JSON.stringify(messages).slice(0, -20);
    expect(conversationOf(cut)?.[1]).toEqual(messages[1]);
  });
  it.each([null, 'text', 5, [], [1], [{ role: 'user' }], ['a'], '[not json', { role: 'user', content: 'x' }])(
    '%j is no chat',
    (value) => {
      expect(conversationOf(value)).toBeNull();
    },
  );
  it('text stays as written, other values are JSON, nothing is nothing', () => {
    expect([cellText('007'), cellText(7), cellText({ a: [1] }), cellText(null), cellText(undefined)]).toEqual([
      '007',
      '7',
      '{"a":[1]}',
      null,
      null,
    ]);
    expect(structureOf('{"a":1}')).toEqual({ a: 1 });
    expect(structureOf('a {brace}')).toBe('a {brace}');
  });
});

describe('FR-003b: the distribution in the head of a column', () => {
  const profile = (of: Partial<ColumnProfile>) => ({ type: 'string', values: [], bins: [], ...of }) as ColumnProfile;
  const bins = [
    { from: 0, to: 10, count: 3 },
    { from: 10, to: 20, count: 1 },
  ];
  it('numbers by range, few texts by value, many texts by length', () => {
    expect(barsOf(profile({ type: 'number', bins, values: [{ value: '1', count: 2 }] }), 'en').kind).toBe('numbers');
    expect(barsOf(profile({ bins, values: [{ value: 'ham', count: 2 }] }), 'en')).toEqual({
      kind: 'values',
      bars: [{ label: 'ham', count: 2 }],
    });
    expect(barsOf(profile({ bins }), 'en')).toEqual({
      kind: 'lengths',
      bars: [
        { label: '0 – 10', count: 3 },
        { label: '10 – 20', count: 1 },
      ],
    });
  });
  it('a column of one number is one bar', () => {
    const one = profile({ type: 'integer', bins: [{ from: 5, to: 5, count: 9 }] });
    expect(barsOf(one, 'en').bars).toEqual([{ label: '5', count: 9 }]);
  });
});
