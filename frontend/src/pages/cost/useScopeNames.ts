import type { Budget } from '@llm-ops/contracts';
import { useQuery } from '@tanstack/vue-query';
import { computed } from 'vue';
import { catalogClient } from '../../services/catalogClient.ts';
import { useSession } from '../../session/session.ts';
import { useApiKeys } from '../governance/useApiKeys.ts';
import { useEndpoints } from '../serving/useEndpoints.ts';
import { labelOf } from '../serving/vocabulary.ts';

/** Names for what budgets are of, as far as this person may see them; else the id. */
export function useScopeNames() {
  const { can } = useSession();
  const { endpoints } = useEndpoints();
  const { keys, nameOf: keyName } = useApiKeys();
  const models = useQuery({
    queryKey: ['models', 'choices'],
    queryFn: async () => (await catalogClient.listModels({ limit: 200 })).data,
    enabled: can('model:read'),
  });
  const choices = computed(() => ({
    // names of keys may be alike: their first characters tell them apart
    key: keys.value
      .filter(({ revokedAt }) => revokedAt === null)
      .map(({ id, name, prefix }) => ({ value: id, label: `${name} (${prefix}…)` })),
    endpoint: endpoints.value.map((endpoint) => ({ value: endpoint.id, label: labelOf(endpoint) })),
    model: (models.data.value ?? []).map(({ id, name, version }) => ({ value: id, label: `${name} ${version}` })),
  }));
  function nameOf({ type, id }: Budget['scope']): string {
    if (type === 'key') return keyName(id ?? '');
    if (type !== 'endpoint' && type !== 'model') return id ?? '';
    return choices.value[type].find(({ value }) => value === id)?.label ?? id ?? '';
  }
  return { choices, nameOf };
}
