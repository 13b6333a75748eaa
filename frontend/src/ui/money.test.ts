import { describe, expect, it } from 'vitest';
import { addMoney, formatExactMoney, formatMoney, isZero, tokenCost } from './money.ts';

describe('FR-011: amounts as people read them', () => {
  it.each([
    ['0', '$0.00'],
    ['12', '$12.00'],
    ['12.5', '$12.50'],
    ['1234.567', '$1,234.57'],
    ['0.5', '$0.50'],
    ['0.015', '$0.015'],
    ['0.00012', '$0.00012'],
    ['0.000123456', '$0.000123'],
    ['0.000000000001', '$0.000000000001'],
    ['-3.2', '-$3.20'],
    ['999999999999.123456', '$999,999,999,999.12'],
  ])('%s is %s', (amount, shown) => {
    expect(formatMoney(amount, 'USD', 'en')).toBe(shown);
  });
  it('follows the currency and the language', () => {
    expect(formatMoney('1234.5', 'KRW', 'ko')).toBe('₩1,235');
    expect(formatMoney('0.4', 'KRW', 'ko')).toBe('₩0.4');
    expect(formatMoney('12', 'USD', 'ko')).toBe('US$12.00');
  });
  it('keeps every digit where a calculation is shown', () => {
    expect(formatExactMoney('0.000123456789', 'USD', 'en')).toBe('$0.000123456789');
    expect(formatExactMoney('0.15', 'USD', 'en')).toBe('$0.15');
  });
  it('shows what is no amount as it is', () => {
    expect([formatMoney('?', 'USD', 'en'), formatExactMoney('1e3', 'USD', 'en')]).toEqual(['? USD', '1e3 USD']);
  });
});

describe('FR-011: money is added up exactly', () => {
  it('tokens at a price for a million', () => {
    expect(tokenCost(1500, '0.15')).toBe('0.000225');
    expect(tokenCost(1, '0.000001')).toBe('0.000000000001');
    expect(tokenCost(9_000_000_000_000, '999999999999.999999')).toBe('8999999999999999991');
    expect(tokenCost(0, '3')).toBe('0');
    expect([tokenCost(1.5, '3'), tokenCost(1, 'x')]).toEqual([null, null]);
  });
  it('sums', () => {
    expect(addMoney('0.1', '0.2')).toBe('0.3');
    expect(addMoney('-0.5', '0.25')).toBe('-0.25');
    expect(addMoney('1', '')).toBeNull();
    expect([isZero('0.000'), isZero('0.000000000001'), isZero('x')]).toEqual([true, false, false]);
  });
});
