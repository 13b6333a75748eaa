import type { Dataset, DatasetValidation } from '@llm-ops/contracts';
import { useQuery, useQueryClient } from '@tanstack/vue-query';
import { computed, watch } from 'vue';
import { catalogClient } from '../../../services/catalogClient.ts';
import { datasetsClient } from '../../../services/datasetsClient.ts';
import { standingOf } from './issues.ts';

export const isUnderWay = (validation: Pick<DatasetValidation, 'status'> | undefined): boolean =>
  validation?.status === 'queued' || validation?.status === 'running';
const isFilling = (status: string | undefined) => status === 'queued' || status === 'running';

/**
 * A dataset version, its newest validation, the newest with a result, and the work that fills it, read again while something moves. `reload` reads everything of
 * it again.
 */
export function useDataset(id: string) {
  const client = useQueryClient();
  const jobs = useQuery({
    queryKey: ['dataset', id, 'jobs'],
    queryFn: async () => (await datasetsClient.jobs(id)).data,
    refetchInterval: ({ state }) => (state.data?.some(({ status }) => isFilling(status)) ? 1500 : false),
  });
  const job = computed(() => jobs.data.value?.[0]);
  // in this order: what is in the cache is looked at as soon as a query is made
  const query = useQuery({
    queryKey: ['dataset', id],
    queryFn: async () => (await catalogClient.getDataset(id)).data,
    refetchInterval: ({ state }) => (isMoving(state.data) ? 2000 : false),
  });
  const dataset = query.data;
  const validation = useQuery({
    queryKey: ['dataset', id, 'validation'],
    queryFn: async () => (await catalogClient.getDatasetValidation(id)).data,
    refetchInterval: ({ state }) => (isUnderWay(state.data) || isSoon(state.data) ? 1000 : false),
  });

  /** The newest with a result: while another one runs, or where it failed, that of before is still looked at. */
  const former = useQuery({
    queryKey: ['dataset', id, 'validation', 'succeeded'],
    queryFn: async () => (await catalogClient.getDatasetValidation(id, { succeeded: true })).data,
    enabled: () => {
      const newest = validation.data.value;
      return newest !== undefined && newest.id !== null && newest.status !== 'succeeded';
    },
  });
  const result = computed(() => {
    const newest = validation.data.value;
    if (newest === undefined || newest.id === null) return null;
    if (newest.status === 'succeeded') return newest;
    const found = former.data.value;
    return found === undefined || found.id === null ? null : found;
  });

  function isMoving(of: Dataset | undefined): boolean {
    return (of !== undefined && standingOf(of.files) === 'moving') || isFilling(job.value?.status);
  }
  /** The files are ready, but the validation that follows by itself has not begun. */
  function isSoon(of: DatasetValidation | undefined): boolean {
    return of?.id === null && dataset.value?.status === 'draft' && standingOf(dataset.value.files) === 'ready';
  }
  function reload(): void {
    void client.invalidateQueries({ queryKey: ['dataset', id] });
    void client.invalidateQueries({ queryKey: ['datasets'] });
  }

  // when something ended, whatever was read before is old
  watch(
    () => [isMoving(dataset.value), isUnderWay(validation.data.value)],
    ([moving, validating], [moved, validated]) => {
      if ((moved && !moving) || (validated && !validating)) reload();
    },
  );
  return { query, dataset, validation, result, job, reload };
}
