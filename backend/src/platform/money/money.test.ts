import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatMoney, parseMoney, perToken } from '#platform/money';

test('FR-011: amounts are exact, whatever their size', () => {
  assert.equal(parseMoney('0.000000000001'), 1n);
  assert.equal(formatMoney(parseMoney('999999999999.999999')), '999999999999.999999');
  assert.equal(formatMoney(parseMoney('-0.50')), '-0.5');
  assert.equal(formatMoney(0n), '0');
  assert.equal(perToken(parseMoney('0.15')) * 1_000_000n, parseMoney('0.15'));
  assert.throws(() => parseMoney('1e3'), RangeError);
  fc.assert(fc.property(fc.bigInt(), (value) => parseMoney(formatMoney(value)) === value));
  const small = fc.bigInt({ min: -(10n ** 16n), max: 10n ** 16n });
  fc.assert(fc.property(small, (value) => parseMoney(formatMoney(value)) === value));
  for (const text of ['', '.5', '5.', '1.0000000000001', '+1', ' 1', '1 ', '1.5.5', '--1', '1,5', '٣'])
    assert.throws(() => parseMoney(text), RangeError, text);
  assert.equal(parseMoney('007.10'), 7_100_000_000_000n);
});
