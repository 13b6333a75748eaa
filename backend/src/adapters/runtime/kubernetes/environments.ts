import type { Environment } from '@llm-ops/contracts';
import { isFailure } from '#platform/errors';
import type { Runtime } from '#ports/runtime';

/**
 * One runtime over the clusters of several environments. Where a revision is, is known from its specification, and is found again after a
 * restart by asking each cluster for it; a cluster that cannot be reached keeps nobody from what runs on the others.
 */
export function createEnvironmentsRuntime(clusters: Readonly<Record<Environment, Runtime>>): Runtime {
  const all = [...new Set(Object.values(clusters))];
  const known = new Map<string, Runtime>();

  function of(spec: { revisionId: string; environment: Environment }): Runtime {
    const runtime = clusters[spec.environment];
    known.set(spec.revisionId, runtime);
    return runtime;
  }

  return {
    kind: all[0]!.kind,
    followsTraffic: all[0]!.followsTraffic === true,
    plan: (spec) => clusters[spec.environment].plan(spec),
    apply: (plan, spec) => of(spec).apply(plan, spec),
    drift: (spec) => of(spec).drift?.(spec) ?? [],

    onChange(listener) {
      for (const one of all) one.onChange?.(listener);
    },

    async observe(revisionId) {
      const runtime = known.get(revisionId);
      if (runtime !== undefined) return runtime.observe(revisionId);
      let failed: unknown = null;
      let last = null;
      for (const one of all) {
        try {
          last = await one.observe(revisionId);
        } catch (error) {
          failed = error;
          continue;
        }
        if (last.phase === 'absent') continue;
        known.set(revisionId, one);
        return last;
      }
      // it may be on the one that did not answer
      if (failed !== null || last === null) throw failed;
      return last;
    },

    async remove(revisionId, graceMs) {
      const runtime = known.get(revisionId);
      for (const one of runtime === undefined ? all : [runtime]) await one.remove(revisionId, graceMs);
      known.delete(revisionId);
    },

    address: (revisionId) => placeOf(revisionId)?.address(revisionId) ?? null,
    addresses: (revisionId) => placeOf(revisionId)?.addresses(revisionId) ?? [],

    async logs(revisionId, lines) {
      for (const one of known.has(revisionId) ? [known.get(revisionId)!] : all) {
        const found = await one.logs(revisionId, lines);
        if (found.length > 0) return found;
      }
      return [];
    },

    preflight: (spec) => clusters[spec.environment].preflight(spec),

    async list() {
      const found = await Promise.allSettled(all.map((one) => one.list()));
      return found.flatMap((one) => {
        if (one.status === 'fulfilled') return one.value;
        if (isFailure(one.reason)) return [];
        throw one.reason;
      });
    },

    async close() {
      await Promise.all(all.map((one) => one.close()));
    },
  };

  function placeOf(revisionId: string): Runtime | undefined {
    const place = known.get(revisionId) ?? all.find((one) => one.addresses(revisionId).length > 0);
    if (place !== undefined) known.set(revisionId, place);
    return place;
  }
}
