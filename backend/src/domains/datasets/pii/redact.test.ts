import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RedactionMethod } from '@llm-ops/contracts';
import {
  createPiiScanner,
  createRedactor,
  fingerprintOf,
  maskOf,
  redactJson,
  redactText,
  type PiiMatch,
  type PiiScanner,
} from './index.ts';
import { labelledSet } from './labelled/index.ts';

const key = '5f'.repeat(32);
const scanner = createPiiScanner({ types: null, rules: [] });

function matchesIn(text: string, look: PiiScanner['scan'] = scanner.scan): PiiMatch[] {
  const found: PiiMatch[] = [];
  look([text], (_, match) => found.push(match));
  return found;
}

const written = (text: string, method: RedactionMethod, under = key): string =>
  redactText(text, matchesIn(text), () => method, under);

function redactAll(cells: readonly string[], method: RedactionMethod, json = false): string[] {
  const redactor = createRedactor({ scanner, key, methodOf: () => method, spared: new Set(), replaced: () => {} });
  return redactor.redact(cells, { form: json ? 'json' : 'text', column: '' }) as string[];
}

for (const method of ['mask', 'hash', 'pseudonym'] as const) {
  test(`FR-003c: after a redaction by ${method} a scan finds nothing`, () => {
    const texts = labelledSet().map(({ text }) => text);
    for (const text of redactAll(texts, method)) assert.deepEqual(matchesIn(text), [], text);
  });

  test(`FR-003c: JSON stays JSON after a redaction by ${method}, with the same shape`, () => {
    const texts = labelledSet(3, 300).map(({ text }) => text);
    const cells = texts.map((text, at) =>
      JSON.stringify({ id: at, messages: [{ role: 'user', content: text }], n: 4111111111111111 }),
    );
    redactAll(cells, method, true).forEach((cell, at) => {
      assert.deepEqual(matchesIn(cell, scanner.scanJson), [], cell);
      const { id, messages } = JSON.parse(cell);
      assert.equal(id, at);
      assert.equal(messages[0].role, 'user');
      if (matchesIn(texts[at]!).length === 0) assert.equal(messages[0].content, texts[at]);
    });
  });
}

test('FR-003c: only what was found changes', () => {
  assert.equal(written('메일 a@b.kr, 전화 010-1234-5678!', 'mask'), '메일 [EMAIL], 전화 [PHONE]!');
  assert.equal(written('nothing at all', 'mask'), 'nothing at all');
  assert.match(written('메일 a@b.kr.', 'hash'), /^메일 email_[0-9a-f]{16}\.$/);
  const json = '{"a":"x\\n\\"a@b.kr\\"","n":[4111111111111111, -1.5]}';
  assert.equal(
    redactJson(json, matchesIn(json, scanner.scanJson), () => 'mask', key),
    '{"a":"x\\n\\"[EMAIL]\\"","n":["[CREDIT_CARD]", -1.5]}',
  );
});

test('FR-003c: a pseudonym is of the same kind, and the same for the same value under a key', () => {
  const forms: [string, RegExp][] = [
    ['john@corp.kr', /^[a-z]+\.[a-z]+\d{4}@mail\.example$/],
    ['010-1234-5678', /^010-0\d{3}-\d{4}$/],
    ['02-555-1234', /^010-0\d{3}-\d{4}$/],
    ['+82 10-1234-5678', /^\+82 10-0\d{3}-\d{4}$/],
    ['(415) 867-5309', /^\(555\) \d{3}-\d{4}$/],
    ['4111 1111 1111 1111', /^4000 00\d\d \d{4} \d{4}$/],
    ['3782 822463 10005', /^4000 00\d{4} \d{5}$/],
    ['DE89 3704 0044 0532 0130 00', /^DE00( \d{4}){4} \d\d$/],
    ['536-90-4399', /^9\d\d-\d\d-\d{4}$/],
    ['900101-1234568', /^\d{6}-[1-4]\d{6}$/],
    ['900101-5123453', /^\d{6}-[5-8]\d{6}$/],
    ['120-81-47521', /^0\d\d-\d\d-\d{5}$/],
    ['203.104.30.88', /^240\.\d+\.\d+\.\d+$/],
    ['2001:4860:4860::8888', /^fd[0-9a-f]{2}:/],
    ['서울특별시 강남구 테헤란로 152', /^서울특별시 가명구 예시로 \d+$/],
    ['12 Oak Street', /^\d+ Example Street$/],
  ];
  for (const [value, form] of forms) {
    assert.match(written(value, 'pseudonym'), form);
    assert.equal(written(value, 'pseudonym'), written(value, 'pseudonym'));
    assert.notEqual(written(value, 'pseudonym'), written(value, 'pseudonym', '00'.repeat(32)));
  }
  assert.equal(written('A@Corp.kr', 'pseudonym'), written('a@corp.kr', 'pseudonym'));
  assert.equal(written('010.1234.5678', 'hash'), written('+82 10-1234-5678', 'hash'));
});

test('FR-003c: what was judged false or accepted stays, and so do types that are to be kept', () => {
  const replaced: string[] = [];
  const redactor = createRedactor({
    scanner,
    key,
    methodOf: (type) => (type === 'ip_address' ? 'keep' : 'mask'),
    spared: new Set([fingerprintOf(key, 'email', 'INFO@corp.kr')]),
    replaced: (type) => replaced.push(type),
  });
  const cells = ['info@corp.kr, john@corp.kr from 203.104.30.88', null, 'x'];
  const redacted = redactor.redact(cells, { form: 'text', column: '' });
  assert.deepEqual(redacted, ['info@corp.kr, [EMAIL] from 203.104.30.88', null, 'x']);
  assert.deepEqual(replaced, ['email']);
});

test('FR-003c: what others found is replaced too, unless it lies over something that was found here', () => {
  const redactor = createRedactor({ scanner, key, methodOf: () => 'pseudonym', spared: new Set(), replaced: () => {} });
  const more = new Map([
    [
      0,
      [
        { type: 'person', start: 0, end: 3, confidence: 0.9 },
        { type: 'person', start: 4, end: 8, confidence: 0.9 },
      ],
    ],
  ]);
  const [text] = redactor.redact(['홍길동 a@b.kr'], { form: 'text', column: '', more });
  assert.match(text!, /^[가-힣]{3} [a-z.]+\d{4}@mail\.example$/);
  assert.doesNotMatch(text!, /홍길동/);
});

test('FR-003c: a rule that matches everything comes to an end', () => {
  const rules = [{ name: 'any', pattern: '\\S+', context: [], confidence: 0.9 }];
  const greedy = createPiiScanner({ types: null, rules });
  const redactor = createRedactor({
    scanner: greedy,
    key,
    methodOf: () => 'mask',
    spared: new Set(),
    replaced: () => {},
  });
  assert.deepEqual(redactor.redact(['a b'], { form: 'text', column: '' }), [' ']);
  const [json] = redactor.redact(['["a b",12]'], { form: 'json', column: '' });
  assert.deepEqual(JSON.parse(json!), [' ', '']);
});

test('FR-003c: an excerpt never shows a value', () => {
  for (const { text, expected } of labelledSet()) {
    for (const { type, start, end } of expected) {
      const value = text.slice(start, end);
      const excerpt = maskOf(type, value);
      assert.ok(/\*.*\*.*\*/.test(excerpt) && !excerpt.includes(value), `${value}: ${excerpt}`);
      const digits = excerpt.replaceAll(/\D/g, '');
      assert.ok(digits.length <= 4, `${value}: ${excerpt}`);
    }
  }
  assert.equal(maskOf('email', 'john@corp.co.kr'), 'j***@c***.kr');
  assert.equal(maskOf('credit_card', '4111 1111 1111 1234'), '**** **** **** 1234');
  assert.equal(maskOf('custom:code', 'AB'), '***');
});

test('FR-003c: a fingerprint is the same for the same value, and needs the key', () => {
  assert.equal(fingerprintOf(key, 'phone', '010-1234-5678'), fingerprintOf(key, 'phone', '+82 10 1234 5678'));
  assert.equal(fingerprintOf(key, 'phone', '(415) 867-5309'), fingerprintOf(key, 'phone', '+1 415.867.5309'));
  assert.equal(fingerprintOf(key, 'iban', 'DE89 3704'), fingerprintOf(key, 'iban', 'DE893704'));
  assert.notEqual(fingerprintOf(key, 'email', 'a@b.kr'), fingerprintOf('00', 'email', 'a@b.kr'));
  assert.notEqual(fingerprintOf(key, 'us_ssn', '123456789'), fingerprintOf(key, 'passport', '123456789'));
  assert.match(fingerprintOf(key, 'email', 'a@b.kr'), /^[0-9a-f]{32}$/);
});
