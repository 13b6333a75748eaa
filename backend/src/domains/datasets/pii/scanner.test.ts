import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFailure } from '#platform/errors';
import examples from 'libphonenumber-js/examples.mobile.json';
import { getCountries, getExampleNumber, isValidPhoneNumber } from 'libphonenumber-js/max';
import { callingCodeOf, isNumberOf } from './detect/phone-plans.ts';
import { compilePiiRule, createPiiScanner, type PiiScannerOptions } from './index.ts';
import { labelledSet } from './labelled/index.ts';

/** What is found, as `type:text`. */
function find(text: string, options: Partial<PiiScannerOptions> & { column?: string; json?: true } = {}): string[] {
  const { types = null, rules = [], column, json } = options;
  const scanner = createPiiScanner({ types, rules });
  const found: string[] = [];
  const look = json === true ? scanner.scanJson : scanner.scan;
  look([text], (_, { type, start, end }) => found.push(`${type}:${text.slice(start, end)}`), column);
  return found;
}

test('FR-003c: matches are told cell by cell, in their order, with empty cells passed over', () => {
  const scanner = createPiiScanner({ types: null, rules: [] });
  const cells = [null, 'a@b.kr and c@d.kr', '', 'nothing', '010-1234-5678'];
  const found: unknown[] = [];
  scanner.scan(cells, (index, { type, start, end }) => found.push([index, type, cells[index]!.slice(start, end)]));
  assert.deepEqual(found, [
    [1, 'email', 'a@b.kr'],
    [1, 'email', 'c@d.kr'],
    [4, 'phone', '010-1234-5678'],
  ]);
});

test('FR-003c: many cells, and cells longer than the scanner holds at once, give what each gives alone', () => {
  const texts = labelledSet(7, 400).map(({ text }) => text);
  const cells = [...texts, `${'가나다 '.repeat(200_000)}john@corp.kr`, ...texts, `x ${texts.join('\n').repeat(8)}`];
  const scanner = createPiiScanner({ types: null, rules: [] });
  const together: string[][] = cells.map(() => []);
  scanner.scan(cells, (index, { type, start, end }) => together[index]!.push(`${type}:${start}:${end}`));
  cells.forEach((cell, index) => {
    const alone: string[] = [];
    scanner.scan([cell], (_, { type, start, end }) => alone.push(`${type}:${start}:${end}`));
    assert.deepEqual(together[index], alone);
  });
  assert.equal(together[texts.length]!.length, 1);
});

test('FR-003c: only the wanted types are told', () => {
  const text = 'a@b.kr 010-1234-5678 EMP-1';
  const rules = [{ name: 'emp', pattern: 'EMP-[0-9]', context: [], confidence: 0.8 }];
  assert.deepEqual(find(text, { types: ['phone'], rules }), ['phone:010-1234-5678']);
  assert.deepEqual(find(text, { types: ['custom:emp'], rules }), ['custom:emp:EMP-1']);
  assert.deepEqual(find(text, { types: [], rules }), []);
});

test('FR-003c: the name of a column says what its numbers are', () => {
  assert.deepEqual(find('536904399'), []);
  assert.deepEqual(find('536904399', { column: 'customer_ssn' }), ['us_ssn:536904399']);
  assert.deepEqual(find('2128675309', { column: 'mobilePhone' }), ['phone:2128675309']);
  assert.deepEqual(find('1208147521', { column: '사업자번호' }), ['kr_brn:1208147521']);
  assert.deepEqual(find('415.867.5309', { column: 'order_id' }), []);
});

test('FR-003c: strings of JSON are decoded before they are scanned, and places are those of the JSON text', () => {
  const value = [
    { role: 'user', content: 'line\n010-1234-5678\t"a@b.kr"\\x', phone: '2128675309', card: 4111111111111111 },
    { text: '가', 'kim@corp.kr': '\u{1F600} 900101-1234568' },
  ];
  const expected = [
    'phone:010-1234-5678',
    'email:a@b.kr',
    'phone:2128675309',
    'credit_card:4111111111111111',
    'email:kim@corp.kr',
    'kr_rrn:900101-1234568',
  ];
  assert.deepEqual(find(JSON.stringify(value), { json: true }), expected);
  assert.deepEqual(find(JSON.stringify(value, null, 2), { json: true }), expected);
  assert.deepEqual(find('{"m":"\\u0061\\u0040b.kr"}', { json: true }), ['email:\\u0061\\u0040b.kr']);
  // nothing goes over from one string to the next
  assert.deepEqual(find('["010","1234-5678"]', { json: true }), []);
  assert.deepEqual(find('{"api_key":"kQ8vT2xL9mR4nB7cZ1pW6yH3"}', { json: true }), [
    'api_key:kQ8vT2xL9mR4nB7cZ1pW6yH3',
  ]);
});

test('FR-003c: the same values are found in text and in JSON', () => {
  const scanner = createPiiScanner({ types: null, rules: [] });
  for (const { text } of labelledSet(11, 500)) {
    const json = JSON.stringify([text]);
    const [plain, nested]: string[][] = [[], []];
    scanner.scan([text], (_, { type, start, end }) => plain!.push(`${type}:${text.slice(start, end)}`));
    scanner.scanJson([json], (_, { type, start, end }) =>
      nested!.push(`${type}:${JSON.parse(`"${json.slice(start, end)}"`) as string}`),
    );
    assert.deepEqual(nested, plain, text);
  }
});

test('FR-003c: rules of people are RE2, and what it does not take or what matches empty text is refused', () => {
  const rule = (pattern: string) => ({ name: 'rule', pattern, context: [], confidence: 0.8 });
  for (const pattern of ['(?=a)b', '(a)\\1', '[', 'a{1,5000}', 'a*', '\\b', '(?:x|)', '^', '$']) {
    assert.throws(
      () => compilePiiRule(rule(pattern)),
      (error) => isFailure(error, 'pii_rule_invalid'),
      pattern,
    );
  }
  assert.deepEqual(find('사번 EMP-123456, emp-1', { rules: [rule('EMP-[0-9]{6}')] }), ['custom:rule:EMP-123456']);
  assert.deepEqual(find('["EMP-\\u0031x","EMP-2y"]', { json: true, rules: [rule('EMP-[0-9][a-z]')] }), [
    'custom:rule:EMP-\\u0031x',
    'custom:rule:EMP-2y',
  ]);
});

test('FR-003c: words nearby make a rule of a person surer', () => {
  const rules = [{ name: 'staff', pattern: '[0-9]{6}', context: ['사번', 'Staff'], confidence: 0.3 }];
  assert.deepEqual(find('합계 123456', { rules }), []);
  assert.deepEqual(find('사번 123456', { rules }), ['custom:staff:123456']);
  assert.deepEqual(find('staff no. 123456', { rules }), ['custom:staff:123456']);
});

test('FR-003c: a rule that would take a backtracking engine for ever takes no time', () => {
  const rules = [{ name: 'evil', pattern: '(a+)+b', context: [], confidence: 0.8 }];
  assert.deepEqual(find('a'.repeat(50_000), { rules }), []);
});

test('FR-003c: number plans agree with libphonenumber', () => {
  let compared = 0;
  for (const country of getCountries()) {
    const example = getExampleNumber(country, examples);
    if (example === undefined) continue;
    const digits = example.number.slice(1);
    for (let change = 0; change < 10; change++) {
      const number = digits.slice(0, -2) + String(Number(digits.slice(-2)) + change).slice(-2);
      const code = callingCodeOf(number);
      assert.equal(code, example.countryCallingCode);
      assert.equal(isNumberOf(code, number.slice(code.length)), isValidPhoneNumber(`+${number}`), number);
      compared++;
    }
    assert.equal(isNumberOf(example.countryCallingCode, `${example.nationalNumber}00000`), false);
  }
  assert.ok(compared > 2000);
});

test('FR-003c: a chain of matches that overlap, however long, is gone through once', () => {
  const rules = ['a[^a]*a', 'b[^b]*b'].map((pattern, at) => ({
    name: `r${at}`,
    pattern,
    context: [],
    confidence: 0.8,
  }));
  const scanner = createPiiScanner({ types: null, rules });
  const started = performance.now();
  let end = 0;
  let found = 0;
  scanner.scan(['ab'.repeat(100_000)], (_, match) => {
    assert.ok(match.start >= end);
    ({ end } = match);
    found++;
  });
  assert.ok(found > 10_000 && performance.now() - started < 3000);
});

const nasty: Record<string, string> = {
  digits: '1',
  pairs: '12 ',
  'e-mail signs': '@',
  'e-mail parts': 'a@a.',
  'key prefixes': 'sk-',
  tokens: 'eyJ',
  'token parts': 'eyJa.',
  'private keys': '-----BEGIN PRIVATE KEY-----\n',
  assignments: 'token=',
  passwords: 'password:',
  colons: 'secret: ',
  zones: 'A<',
  phones: '+1 ',
  addresses: '서울시 강남구 테헤란로 1 ',
  streets: '1 Main ',
  groups: '2001:',
  'wide digits': '１',
  escapes: '\\u0031',
};
test('FR-003c: no text makes a scan slow', () => {
  const scanner = createPiiScanner({ types: null, rules: [] });
  for (const [name, piece] of Object.entries(nasty)) {
    const text = piece.repeat(Math.ceil(200_000 / piece.length));
    const started = performance.now();
    scanner.scan([text], () => {});
    scanner.scanJson([`"${text}"`], () => {});
    const took = performance.now() - started;
    // a scan that looks at everything again from each place would take minutes
    assert.ok(took < 2000, `${name}: ${took.toFixed(0)} ms`);
  }
});
