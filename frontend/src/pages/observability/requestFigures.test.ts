import { describe, expect, it } from 'vitest';
import { costOf, outcomeOf } from './requestFigures.ts';

describe('FR-009: how a request ended', () => {
  it.each([
    [200, false, 'ok'],
    [200, true, 'cached'],
    [400, false, 'refused'],
    [429, false, 'refused'],
    [499, false, 'cancelled'],
    [502, false, 'error'],
    [598, false, 'error'],
  ])('%i (cached: %s) is %s', (status, cached, outcome) => {
    expect(outcomeOf({ status, cached })).toBe(outcome);
  });
});

describe('FR-011: how a cost comes about', () => {
  const price = { input_per_million: '0.15', output_per_million: '0.6', per_request: '0' };
  it('tokens at their prices, exactly', () => {
    const sum = costOf({ price, prompt_tokens: 1234, completion_tokens: 56, cost: '0.0002187' });
    expect(sum).toEqual({
      lines: [
        { kind: 'input', count: 1234, price: '0.15', amount: '0.0001851' },
        { kind: 'output', count: 56, price: '0.6', amount: '0.0000336' },
      ],
      sum: '0.0002187',
      agrees: true,
    });
  });
  it('the price of the request itself where there is one', () => {
    const sum = costOf({
      price: { ...price, per_request: '0.01' },
      prompt_tokens: 0,
      completion_tokens: 0,
      cost: '0.010',
    });
    expect(sum?.lines.map(({ kind }) => kind)).toEqual(['input', 'output', 'request']);
    expect([sum?.sum, sum?.agrees]).toEqual(['0.01', true]);
  });
  it('says when something else was charged, and nothing without a price', () => {
    expect(costOf({ price, prompt_tokens: 10, completion_tokens: 1, cost: '0' })?.agrees).toBe(false);
    expect(costOf({ price: null, prompt_tokens: 10, completion_tokens: 1, cost: '0' })).toBeNull();
  });
});
