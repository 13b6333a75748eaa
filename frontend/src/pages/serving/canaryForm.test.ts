import { describe, expect, it } from 'vitest';
import { canaryOf, newCanaryForm } from './canaryForm.ts';

describe('UI-1, FR-006: shares of the traffic as people write them', () => {
  it('are not asked for unless they are wanted', () => {
    expect(canaryOf(newCanaryForm())).toBeUndefined();
  });
  it('end with all of it, however they are separated', () => {
    const form = { ...newCanaryForm(), on: true };
    expect(canaryOf(form)).toEqual({ automatic: true, minimumRequests: 20, stepSeconds: 300, steps: [5, 25, 50, 100] });
    expect(canaryOf({ ...form, steps: ' 1%; 10 % 100' })?.steps).toEqual([1, 10, 100]);
  });
});
