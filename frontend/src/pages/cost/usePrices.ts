import type { Price } from '@llm-ops/contracts';
import { useQuery } from '@tanstack/vue-query';
import { computed } from 'vue';
import { costClient } from '../../services/costClient.ts';

/** Every price that holds now, by the id of the model version. */
export function usePrices() {
  const query = useQuery({
    queryKey: ['prices'],
    async queryFn() {
      const prices: Price[] = [];
      let cursor: string | undefined;
      do {
        const page = await costClient.listPrices({ limit: 200, cursor });
        prices.push(...page.data);
        cursor = page.next ?? undefined;
      } while (cursor !== undefined);
      return prices;
    },
  });
  const prices = computed(() => new Map((query.data.value ?? []).map((price) => [price.modelId, price])));
  return { query, prices };
}
