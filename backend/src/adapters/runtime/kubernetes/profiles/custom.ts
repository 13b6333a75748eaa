import type { Profile } from '../types.ts';

/** Any other image: it gets the model's place in its environment, and its own command unless the request names arguments. */
export const custom: Profile = {
  name: 'custom',
  matches: () => true,

  plan(spec) {
    return {
      command: null,
      args: [...spec.args],
      env: [],
      probes: {
        liveness: { path: '/health', initialDelaySeconds: 120, periodSeconds: 10, failureThreshold: 3 },
        readiness: { path: '/ready', initialDelaySeconds: 60, periodSeconds: 5, failureThreshold: 3 },
        startup: { path: '/health', initialDelaySeconds: 0, periodSeconds: 10, failureThreshold: 0 },
      },
      download: false,
      warnings: [],
      refused: [],
    };
  },
};
