import { keepPreviousData, useQuery } from '@tanstack/vue-query';
import { refDebounced } from '@vueuse/core';
import { computed } from 'vue';
import { datasetsClient } from '../../services/datasetsClient.ts';

interface Trial {
  text: string;
  /** empty: only what the platform looks for by itself */
  pattern: string;
  context: string[];
}
export type PiiTest = ReturnType<typeof usePiiTest>;

/** Tries detectors and a rule on a text when typing pauses; the platform keeps nothing of it. */
export function usePiiTest(trial: () => Trial) {
  const settled = refDebounced(
    computed(() => JSON.stringify(trial())),
    400,
  );
  const asked = computed(() => JSON.parse(settled.value) as Trial);
  return useQuery({
    queryKey: computed(() => ['pii-test', settled.value]),
    queryFn: async ({ signal }) => {
      const { text, pattern, context } = asked.value;
      return (await datasetsClient.testPii({ text, context, ...(pattern === '' ? {} : { pattern }) }, signal)).data;
    },
    enabled: computed(() => asked.value.text.trim() !== ''),
    placeholderData: keepPreviousData,
    retry: false,
    gcTime: 0,
  });
}
