import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { redactBody, redactText } from './redact.ts';

const hidden: [text: string, shown: string][] = [
  ['write to rita.levi+tag@example.co.kr, please', 'write to [email], please'],
  ['정우성@회사.한국 이메일', '[email] 이메일'],
  ['card 4111 1111 1111 1111.', 'card [card].'],
  ['4111111111111111', '[card]'],
  ['no 1234 5500-0055-5555-5559 more', 'no 1234 [card] more'],
  ['amex 378282246310005', 'amex [card]'],
  ['IBAN DE89 3704 0044 0532 0130 00 is mine', 'IBAN [iban] is mine'],
  ['gb82west12345698765432', '[iban]'],
  ['NO9386011117947 NO9386011117947', '[iban] [iban]'],
  ['ssn 536-22-1234', 'ssn [ssn]'],
  ['주민번호 900101-1234567 입니다', '주민번호 [resident number] 입니다'],
  ['9001011234568', '[resident number]'],
  ['call +82 10-1234-5678 or +1 (415) 555-2671', 'call [phone] or [phone]'],
  ['010-1234-5678, 02)123-4567, 01012345678', '[phone], [phone], [phone]'],
  ['(415) 555-2671 and 415-555-2671', '[phone] and [phone]'],
  ['host 10.0.0.1:8080, ::1, fe80::1ff:fe23:4567:890a', 'host [ip]:8080, [ip], [ip]'],
  ['2001:db8:85a3::8a2e:370:7334: it answers', '[ip]: it answers'],
  ['Authorization: Bearer abcdef0123456789abcdef', 'Authorization: Bearer [token]'],
  ['key sk-abcdefghijklmnop1234 and lo_' + 'A'.repeat(43), 'key [key] and [key]'],
  ['AKIAIOSFODNN7EXAMPLE ghp_' + 'a1'.repeat(18), '[key] [key]'],
  ['eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl', '[token]'],
  ['a\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nb', 'a\n[private key]\nb'],
  ['-----BEGIN PRIVATE KEY-----\nMIIE and no end', '[private key]'],
];

const left = [
  'Bearer authentication and basic knowledge',
  'order 1234567890123456, made 1700000000000',
  'version 1.2.3, at 12:30:45, 3.14159265358979323',
  'std::vector<a::b>, Face::Dead, 00:1a:2b:3c:4d:5e',
  'GB00 0000 0000 0000 0000 00',
  '-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----',
  'a@b, @someone, x@localhost',
  '4111 1111 1111 1112, 0000 0000 0000 0000',
  '256.1.1.1 and 1.2.3.4.5',
  '901301-1234567, 000-12-3456, 666-12-3456',
];

test('SEC, FR-009: what tells of a person or opens a door is made unreadable', () => {
  for (const [text, shown] of hidden) assert.equal(redactText(text).text, shown);
  assert.equal(redactText('a@b.io, c@d.io and 10.0.0.1').count, 3);
});

test('FR-009: what only looks like it is left as it is', () => {
  for (const text of left) assert.deepEqual(redactText(text), { text, count: 0 });
});

test('SEC, FR-009: JSON stays JSON: its strings alone are changed, decoded first', () => {
  const body = `{ "model":"m", "n": 4111111111111111, "big": 12345678901234567890,
    "messages":[{"role":"user","content":"mail\\u0020rita\\u0040example.org\\nor\\n010-1234-5678 \\"4111 1111 1111 1111\\""}],
    "rita@example.org": "\\ud55c\\uae00 \\ud800 \\u0000 C:\\\\"}`;
  const { text, count } = redactBody(body, true);
  const value = JSON.parse(text) as { messages: { content: string }[] };
  assert.equal(value.messages[0]!.content, 'mail [email]\nor\n[phone] "[card]"');
  assert.equal(count, 4);
  assert.ok(text.includes('"n": 4111111111111111, "big": 12345678901234567890'), 'numbers stay, to the last digit');
  assert.ok(text.includes('"[email]": "한글 \\ud800 \\u0000 C:\\\\"'), 'words can be found as they are read');
  assert.equal(redactBody('{"a":"plain"}', true).text, '{"a":"plain"}');
});

test('SEC, FR-009: a piece of JSON and plain text are changed throughout', () => {
  assert.equal(redactBody('{"a":"x\\ny@example.org', true).text, '{"a":"x\\n[email]');
  assert.equal(redactBody('{"a":"y\\u0040example.org \\u00', true).text, '{"a":"[email] ');
  assert.equal(redactBody('[1] "a@example.org" says b@example.org', true).text, '[1] "[email]" says [email]');
  assert.equal(redactBody('nul \u0000, half \ud800', false).text, 'nul \ufffd, half \ufffd');
  assert.equal(redactBody('{"a":"rita@example.org"}', false).text, '{"a":"rita@example.org"}');
});

test('SEC, FR-009: whatever JSON comes, what is made of it is JSON of the same form and holds no secret', () => {
  const secrets = ['rita@example.org', '4111111111111111', '010-1234-5678', '10.0.0.1', 'sk-abcdefghijklmnop1234'];
  const word = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(...secrets.map((secret) => ` ${secret} `)));
  const text = fc.array(word, { maxLength: 4 }).map((words) => words.join(''));
  const tree = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      text,
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.string(), tie('value'), { maxKeys: 4 }),
    ),
  })).value;
  const formOf = (value: unknown): unknown => {
    if (typeof value === 'string') return '';
    if (Array.isArray(value)) return value.map(formOf);
    return value !== null && typeof value === 'object' ? Object.values(value).map(formOf) : value;
  };
  fc.assert(
    fc.property(tree, fc.constantFrom(undefined, 1), (value, space) => {
      const found = redactBody(JSON.stringify(value, null, space), true).text;
      assert.deepEqual(formOf(JSON.parse(found)), formOf(JSON.parse(JSON.stringify(value))));
      for (const secret of secrets) assert.ok(!found.includes(` ${secret} `), found);
    }),
    { numRuns: 2_000 },
  );
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (any) => {
      const { text: found } = redactBody(any, true);
      assert.ok(found.isWellFormed() && !found.includes('\u0000'));
    }),
    { numRuns: 5_000 },
  );
});

test('SEC, FR-009: time grows with the text, not with its square', () => {
  const size = 100_000;
  const repeats = [
    'a',
    '1',
    'a@',
    '1 ',
    '1-',
    'a.',
    '::',
    'a:',
    '+1',
    '(',
    'eyJ',
    'eyJaaaaaa.',
    'sk-',
    'sk-aaaaaaaaaaaaaaaa-',
    'DE89 ',
    'bearer ',
    '\\',
    '\\"',
    '"',
    '1.1.1.',
    '-----BEGIN ',
    '-----BEGIN PRIVATE KEY-----',
    'a@a.',
    '010-',
    '0',
    '٣',
    '한',
    '@',
    'a-',
    'A1',
  ];
  const slow: string[] = [];
  for (const repeat of repeats) {
    const text = repeat.repeat(size / repeat.length);
    const started = performance.now();
    redactBody(text, true);
    redactBody(`{"a":${JSON.stringify(text)}}`, true);
    if (performance.now() - started > 2_500) slow.push(`${repeat}: ${performance.now() - started} ms`);
  }
  assert.deepEqual(slow, []);
});
