import { computed, type WritableComputedRef } from 'vue';
import { useRoute, useRouter } from 'vue-router';

/** Filters of a list kept in the address, so that a filtered list can be shared and survives "back". */
export function useQueryFilters<const Name extends string>(names: readonly Name[]) {
  const route = useRoute();
  const router = useRouter();
  const read = (name: Name) => {
    const value = route.query[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const filters = {} as Record<Name, WritableComputedRef<string | undefined>>;
  for (const name of names) {
    filters[name] = computed({
      get: () => read(name),
      set: (value) => void router.replace({ query: { ...route.query, [name]: value } }),
    });
  }
  return {
    filters,
    values: computed(
      () => Object.fromEntries(names.map((name) => [name, read(name)])) as Record<Name, string | undefined>,
    ),
    active: computed(() => names.some((name) => read(name) !== undefined)),
    clear: () =>
      void router.replace({
        query: Object.fromEntries(Object.entries(route.query).filter(([name]) => !names.includes(name as Name))),
      }),
  };
}
