import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { takeAll } from '../blocks.fixture.ts';
import type { TextFile } from '../text.ts';
import { storageOf } from './columns.ts';
import { createLineReader } from './lines.ts';
import { createJsonScanner, kinds } from './scan.ts';
import { compactJson, unescapeText } from './unescape.ts';

/** `npm run drill parsers` runs 10,000 of each. */
const numRuns = Number(process.env['PARSER_RUNS'] ?? 1000);
const text: TextFile = { local: '', skip: 0, size: 0, encoding: 'utf-8', bom: false, suspicious: false };
const limits = { columns: 100, line: 1 << 20, expanded: 1 << 20 };

function problemOf(line: string, depth = 100): string | null {
  const bytes = Buffer.from(`${line}\n`);
  const seen = new Set<string>();
  const scanner = createJsonScanner({ depth, values: 1000 });
  return (
    scanner.read(bytes, 0, bytes.length - 1, (start, end) => {
      const key = JSON.parse(`"${bytes.toString('utf8', start, end)}"`) as string;
      const twice = seen.has(key);
      seen.add(key);
      return twice ? { reason: 'twice', fix: '' } : null;
    })?.flaw.reason ?? null
  );
}

/** What must be true of a line by other means: `JSON.parse` takes it, it is an object, no key is there twice, no half of a pair stands alone. */
function isGood(line: string): boolean {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return false;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const keys = line.replaceAll(/"(?:[^"\\]|\\.)*"/g, '').split(':').length - 1;
  const parts = textsOf(value);
  return parts.keys === keys && parts.texts.every((text) => text.isWellFormed());
}

function textsOf(value: unknown): { keys: number; texts: string[] } {
  if (typeof value === 'string') return { keys: 0, texts: [value] };
  if (typeof value !== 'object' || value === null) return { keys: 0, texts: [] };
  const own = Array.isArray(value) ? [] : Object.keys(value);
  const inner = Object.values(value).map(textsOf);
  return {
    keys: own.length + inner.reduce((sum, { keys }) => sum + keys, 0),
    texts: [...own, ...inner.flatMap(({ texts }) => texts)],
  };
}

const pieces = fc.array(
  fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    '"a"',
    '"b"',
    '"c\\n"',
    '"',
    ':',
    ',',
    '1',
    '-',
    '0',
    '.5',
    'e3',
    '12345678901234567890',
    'true',
    'null',
    'NaN',
    ' ',
    '\\',
    '\\u0061',
    '\\ud83d',
    '\\ude00',
    "'",
    '한',
    '\t',
    '\r',
    '{"a":1}',
    '{"b":[',
    ']}',
  ),
  { maxLength: 14 },
);

test('FR-003a: the scanner takes what JSON.parse takes, and nothing else', () => {
  fc.assert(
    fc.property(pieces, (parts) => {
      const line = parts.join('');
      assert.equal(problemOf(line) === null, isGood(line), line);
    }),
    { numRuns: numRuns * 5 },
  );
});

const deep = fc.dictionary(
  fc.string({ unit: 'binary', maxLength: 5 }).filter((key) => key.isWellFormed()),
  fc.jsonValue({ maxDepth: 3 }),
  { maxKeys: 30 },
);

test('FR-003a: the scanner takes whatever was written as JSON, and no such line with a letter changed that JSON.parse refuses', () => {
  fc.assert(
    fc.property(
      deep,
      fc.nat(),
      fc.constantFrom('"', '{', '}', '[', ']', ',', ':', '\\', '0', 'x', '\u0001', ''),
      (value, at, letter) => {
        const line = JSON.stringify(value);
        assert.equal(problemOf(line) === null, isGood(line), line);
        const place = at % line.length;
        const changed = line.slice(0, place) + letter + line.slice(place + 1);
        if (changed.isWellFormed()) assert.equal(problemOf(changed) === null, isGood(changed), changed);
      },
    ),
    { numRuns },
  );
});

test('FR-003a: objects of many keys, deep nesting and lines of too many values', () => {
  const many = Object.fromEntries(
    Array.from({ length: 500 }, (_, at) => [`key ${at}`, { at, inner: Array.from({ length: 3 }, () => ({ at })) }]),
  );
  assert.equal(
    createJsonScanner({ depth: 9, values: 10_000 }).read(
      Buffer.from(`${JSON.stringify({ many })}\n`),
      0,
      JSON.stringify({ many }).length,
      () => null,
    ),
    null,
  );
  const twice = `{"a":{${Array.from({ length: 40 }, (_, at) => `"k${at}":1`).join()},"k7":2}}`;
  assert.match(problemOf(twice)!, /"k7" is there twice/);
  assert.match(problemOf('{"a":{"x":1,"\\u0078":2}}')!, /"x" is there twice/);
  assert.match(problemOf(`{"a":${'['.repeat(30)}${']'.repeat(30)}}`, 20)!, /nested more than 20 deep/);
  assert.equal(problemOf(`{"a":${'['.repeat(19)}${']'.repeat(19)}}`, 20), null);
  assert.match(problemOf(`{"a":[${'1,'.repeat(2000)}1]}`)!, /more than 1,000 values/);
});

test('FR-003a: every broken line is told by its number, whatever the blocks are', () => {
  const lines = [
    '{"a":1}',
    '',
    '{"a":',
    '[1]',
    '{"b":"x"}',
    '  ',
    '5',
    '{"A":1}',
    '{"a":1,"a":2}',
    '{"a":1} {"a":2}',
    "{'a':1}",
    '{"a":NaN}',
    '{"c":2}\r',
    '{"a":"1\t2"}',
    '{"d":3}',
  ];
  for (const size of [1, 3, 7, 64, 1000]) {
    const bad: number[] = [];
    const reader = createLineReader({ text, limits, onBad: (line) => bad.push(line) });
    takeAll(Buffer.from(lines.join('\n')), reader.take, size);
    assert.deepEqual(bad, [3, 4, 7, 8, 9, 10, 11, 12, 14]);
    assert.deepEqual([reader.rows, reader.badRows, reader.blank], [4, 9, 2]);
    assert.deepEqual(
      reader.columns().map(({ name }) => name),
      ['a', 'b', 'c', 'd'],
    );
  }
});

test('FR-003a: what is written of a value means what JSON.parse says it means, and JSON is written in one way', () => {
  const unescape = (inside: string, as: typeof unescapeText): string => {
    const bytes = Buffer.from(inside);
    const target = Buffer.alloc(bytes.length);
    return target.toString('utf8', 0, as(bytes, 0, bytes.length, target, 0));
  };
  const text = fc.string({
    unit: fc.oneof(
      fc.constantFrom(
        '\\n',
        '\\"',
        '\\\\',
        '\\/',
        '\\u0000',
        '\\u001f',
        '\\u0022',
        '\\u005c',
        '\\u000a',
        '\\uD55C',
        '\\ud83d\\ude00',
        '한',
        '😀',
        ' ',
        'n',
        'u',
      ),
      fc.constantFrom('a', '{', ':', ','),
    ),
    maxLength: 12,
  });
  fc.assert(
    fc.property(text, text, (one, other) => {
      assert.equal(unescape(one, unescapeText), JSON.parse(`"${one}"`));
      const json = ` { "${one}" : [ 1.50 , "${other}",\tnull ] ,"x":{ } } `;
      const compact = unescape(json, compactJson);
      assert.deepEqual(JSON.parse(compact), JSON.parse(json));
      const usual = JSON.stringify(JSON.parse(json)).replace('[1.5,', '[1.50,');
      assert.equal(compact.toLowerCase(), usual.toLowerCase());
    }),
    { numRuns },
  );
});

test('FR-003a: a line that is too long is passed over and counted once', () => {
  const bad: number[] = [];
  const reader = createLineReader({ text, limits: { ...limits, line: 100 }, onBad: (line) => bad.push(line) });
  takeAll(
    Buffer.from(`{"a":1}\n{"a":"${'x'.repeat(1000)}"}\n{"a":2}\n{"a":"${'x'.repeat(110)}"}`),
    reader.take,
    16,
    102,
  );
  assert.deepEqual([reader.rows, bad], [2, [2, 4]]);
});

test('FR-003a: columns are stored as what all their values are, and integers stay exact', () => {
  const { null: none, string, integer, long, huge, number, beyond, boolean, list, object } = kinds;
  const storage = (mask: number): string => Object.values(storageOf(mask)).join(' ');
  assert.equal(storage(none), 'text string');
  assert.equal(storage(none | string), 'text string');
  assert.equal(storage(integer | long), 'bigint integer');
  assert.equal(storage(integer | number | none), 'double number');
  assert.equal(storage(long | number), 'json number');
  assert.equal(storage(number | beyond), 'json number');
  assert.equal(storage(integer | huge), 'json integer');
  assert.equal(storage(boolean), 'boolean boolean');
  assert.equal(storage(list | none), 'json list');
  assert.equal(storage(object), 'json object');
  assert.equal(storage(string | integer), 'json mixed');
  assert.equal(storage(boolean | integer), 'json mixed');
  assert.equal(storage(list | object), 'json mixed');
});
