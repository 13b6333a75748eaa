import type { Logger } from '#platform/log';
import { reasonOf } from './completion.ts';
import type { Comparison, Sample } from './judge.ts';
import { watchedBeside, type EndpointView, type World } from './decide.ts';
import type { ServingConfig } from '../types.ts';

/** Of two revisions of an endpoint, what their requests came to, as all gateways have recorded it. */
export type Compare = (query: {
  endpointId: string;
  stable: number;
  revision: number;
  from: Date;
  to: Date;
  /** percent above the p95 of `stable` that do not count as slow */
  slower: number;
}) => Promise<Sample[]>;

/** older requests say little about what is now */
const longestMs = 30 * 60_000;
/** how far back the revision before is measured, when it has lost the traffic a moment ago */
const beforeMs = 15 * 60_000;

/** Since when what counts for a share of the traffic. */
export const countsFrom = (weightSince: Date, now: Date): Date =>
  new Date(Math.max(weightSince.getTime(), now.getTime() - longestMs));

export async function compared(compare: Compare, query: Parameters<Compare>[0]): Promise<Comparison> {
  const samples = await compare(query);
  const { from, to, stable, revision } = query;
  const of = (number: number) => samples.find((one) => one.revision === number)!;
  return { from, to, stable: of(stable), canary: of(revision) };
}

/** Compares where there are two to compare, each endpoint at most every few seconds: a look in between has what was found last. */
export function createComparing(deps: { compare: Compare; config: Pick<ServingConfig, 'watch'>; log: Logger }) {
  const { compare, config, log } = deps;
  const last = new Map<string, { pair: string; at: number; found: Comparison | null }>();

  function pairOf(endpoint: EndpointView, world: Pick<World, 'now' | 'observations'>) {
    const { canary, liveRevision, id } = endpoint;
    const to = world.now;
    if (canary !== null && canary.weightSince !== null && canary.weight > 0 && liveRevision !== canary.revision) {
      const from = countsFrom(canary.weightSince, to);
      return { endpointId: id, stable: liveRevision, revision: canary.revision, from, to, slower: canary.slower };
    }
    const before = watchedBeside(endpoint, world, config);
    const live = endpoint.revisions.find(({ number }) => number === liveRevision);
    if (before === null || !live) return null;
    const from = new Date((live.liveAt ?? to).getTime() - beforeMs);
    return { endpointId: id, stable: before.number, revision: live.number, from, to, slower: config.watch.slower };
  }

  return {
    async of(endpoint: EndpointView, world: Pick<World, 'now' | 'observations'>): Promise<Comparison | null> {
      const query = pairOf(endpoint, world);
      if (query === null) {
        last.delete(endpoint.id);
        return null;
      }
      const pair = `${query.stable} ${query.revision} ${endpoint.canary?.weight ?? ''}`;
      const known = last.get(endpoint.id);
      const now = performance.now();
      if (known?.pair === pair && now - known.at < config.watch.everyMs) return known.found;
      // what cannot be compared now convicts nobody
      const found = await compared(compare, query).catch((error: unknown) => {
        log.warn({ endpoint: endpoint.id, reason: reasonOf(error) }, 'two revisions could not be compared');
        return null;
      });
      last.set(endpoint.id, { pair, at: now, found });
      return found;
    },
  };
}
