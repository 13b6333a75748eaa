import type { Logger } from '#platform/log';
import { pathOf, type ClusterClient } from '../cluster/client.ts';
import { ours, revisionLabel } from '../cluster/objects.ts';
import { modelLabel } from '../flavour.ts';
import type { Manifest } from '../types.ts';
import type { Operators } from './operators.ts';
import { monitorKind, monitorOf } from './plan.ts';

const lookMs = 15_000;

/**
 * Makes the ServiceMonitors that could not be made while the Prometheus operator was missing: looks for it until it is there, then once at
 * the Services of models. Answers what ends it.
 */
export function followMonitors(deps: { client: ClusterClient; operators: Operators; log: Logger }): () => void {
  const { client, operators, log } = deps;
  let missing = true;

  async function look(): Promise<void> {
    const installed = await hasMonitors(operators);
    if (installed && missing) await makeMissing();
    missing = !installed;
  }

  async function makeMissing(): Promise<void> {
    const labelSelector = `${ours},${modelLabel},!${revisionLabel}`;
    const { items: services } = await client.get<{ items: Manifest[] }>('/api/v1/services', { labelSelector });
    const { items: monitors } = await client.get<{ items: Manifest[] }>(pathOf(monitorKind, null), { labelSelector });
    const keyOf = ({ metadata }: Manifest) => `${metadata.namespace}/${metadata.name}`;
    const there = new Set(monitors.map(keyOf));
    for (const service of services.filter((one) => !there.has(keyOf(one)))) {
      const { name, namespace, labels, annotations } = service.metadata;
      await client.apply(
        monitorOf({
          name,
          ...(namespace && { namespace }),
          ...(labels && { labels }),
          ...(annotations && { annotations }),
        }),
      );
    }
  }

  const quietly = () =>
    void look().catch((error: unknown) => log.debug({ reason: String(error) }, 'could not look for ServiceMonitors'));
  const timer = setInterval(quietly, lookMs).unref();
  quietly();
  return () => clearInterval(timer);
}

export async function hasMonitors(operators: Operators): Promise<boolean> {
  return (await operators.list()).some(({ name, installed }) => name === 'prometheus-operator' && installed);
}
