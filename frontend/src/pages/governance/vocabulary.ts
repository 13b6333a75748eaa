import type { Policy, PolicyRule } from '@llm-ops/contracts';

export const policyScopes = [
  'global',
  'catalog',
  'training',
  'serving',
  'prompts',
  'inference',
] as const satisfies readonly Policy['scope'][];
export const policyStatuses = ['draft', 'active', 'deprecated'] as const satisfies readonly Policy['status'][];
export const environments = ['dev', 'stg', 'prod'] as const;

/** A rule to begin with: it says with an example what a rule is made of. */
export const exampleRules: PolicyRule[] = [
  {
    effect: 'deny',
    actions: ['model:read'],
    resources: { type: 'model', match: { 'metadata.classification': 'confidential' } },
    subjects: { roles: ['viewer', 'developer'] },
    reason: 'Confidential models are for the research team; ask its lead for access.',
  },
];
