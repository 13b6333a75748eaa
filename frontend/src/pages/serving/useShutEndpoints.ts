import { useQuery } from '@tanstack/vue-query';
import { computed, type ComputedRef } from 'vue';
import { usageClient } from '../../services/usageClient.ts';
import { useSession } from '../../session/session.ts';

/** Endpoints that a gateway sends nothing to for the moment, because requests to them fail. None for who may not see usage. */
export function useShutEndpoints(): ComputedRef<ReadonlySet<string>> {
  const { can } = useSession();
  const query = useQuery({
    queryKey: ['gateway', 'shut'],
    queryFn: async () => (await usageClient.viewGateway({ minutes: 1 })).data.gateways,
    enabled: can('usage:read'),
    refetchInterval: 10_000,
  });
  return computed(
    () => new Set((query.data.value ?? []).flatMap(({ open_breakers: open }) => open.map((one) => one.endpoint_id))),
  );
}
