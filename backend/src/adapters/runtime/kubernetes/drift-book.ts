import type { Drifted, RevisionSpec } from '#ports/runtime';

export interface DriftBook {
  /**
   * What was found last, or is found now: comparing costs, and most looks come when nothing has changed. `epoch` grows when more can be
   * seen than before.
   */
  of(spec: RevisionSpec, epoch: number, find: (spec: RevisionSpec) => Drifted[]): readonly Drifted[];
  /** Something of the endpoint changed. */
  changed(endpointId: string): void;
}

export function createDriftBook(): DriftBook {
  const found = new Map<string, Map<string, { key: string; drifts: readonly Drifted[] }>>();
  return {
    of(spec, epoch, find) {
      const key = `${epoch} ${keyOf(spec)}`;
      const endpoint = found.get(spec.endpointId) ?? new Map<string, { key: string; drifts: readonly Drifted[] }>();
      found.set(spec.endpointId, endpoint);
      const known = endpoint.get(spec.revisionId);
      if (known?.key === key) return known.drifts;
      const drifts = find(spec);
      endpoint.set(spec.revisionId, { key, drifts });
      return drifts;
    },
    changed: (endpointId) => void found.delete(endpointId),
  };
}

/** A revision never changes; only its endpoint's scale and traffic do. */
const keyOf = ({ live, minReplicas, maxReplicas, autoscale }: RevisionSpec) =>
  JSON.stringify([live, minReplicas, maxReplicas, autoscale]);
