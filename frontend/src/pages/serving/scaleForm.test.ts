import { describe, expect, it } from 'vitest';
import { emptyScale, policyOf, scaleOf, scalePatch } from './scaleForm.ts';

describe('FR-006, UI-1: scaling as people write it', () => {
  it('comes back as it was given', () => {
    const autoscalePolicy = {
      gpuUtilization: 80,
      metric: { name: 'vllm:num_requests_waiting', target: '5', scaleDownDelay: '3m' },
    };
    const endpoint = { minReplicas: 1, maxReplicas: 4, autoscalePolicy };
    expect(scalePatch(scaleOf(endpoint))).toEqual(endpoint);
  });
  it('has no goal where nothing was typed, or where there is nothing to scale', () => {
    expect(policyOf({ ...emptyScale(), maxReplicas: 3 })).toBeNull();
    expect(policyOf({ ...emptyScale(), cpuUtilization: 70 })).toBeNull();
    expect(policyOf({ ...emptyScale(), maxReplicas: 3, cpuUtilization: 70 })).toEqual({ cpuUtilization: 70 });
  });
  it('leaves half a metric for the platform to refuse at its field', () => {
    expect(policyOf({ ...emptyScale(), maxReplicas: 2, metricName: 'queue' })).toEqual({
      metric: { name: 'queue', target: '' },
    });
  });
});
