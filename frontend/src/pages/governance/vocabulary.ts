import type { DataOf, governanceRoutes, Policy, PolicyRule } from '@llm-ops/contracts';

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

export type ApiKey = DataOf<(typeof governanceRoutes)['listApiKeys']>[number];
type Limits = NonNullable<ApiKey['limits']>;

/** The limits that are given; null when none is. */
export function limitsOf(fields: { [K in keyof Limits]?: number | null | undefined }): Limits | null {
  const { requestsPerMinute, tokensPerMinute } = fields;
  const limits: Limits = {};
  if (typeof requestsPerMinute === 'number') limits.requestsPerMinute = requestsPerMinute;
  if (typeof tokensPerMinute === 'number') limits.tokensPerMinute = tokensPerMinute;
  return Object.keys(limits).length === 0 ? null : limits;
}

interface NamedRoute {
  name: string;
  environment: (typeof environments)[number];
  enabled: boolean;
}

/** The routes that a key may ask, those that answer first. */
export function routesOf<R extends NamedRoute>(
  { routes, environments: held }: Pick<ApiKey, 'routes' | 'environments'>,
  all: readonly R[],
): R[] {
  return all
    .filter(({ name, environment }) => (routes?.includes(name) ?? true) && (held?.includes(environment) ?? true))
    .toSorted((a, b) => Number(b.enabled) - Number(a.enabled));
}

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
