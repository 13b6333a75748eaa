export interface Agenda {
  /** Something changed of this endpoint; null: of any, changes may have been missed. */
  hint(endpointId: string | null): void;
  /** To be looked at again in so many ms, if nothing is said of it before. */
  later(endpointId: string, ms: number): void;
  /** Nothing is under way there. */
  drop(endpointId: string): void;
  /** What is to be looked at now: all, or these. What is hinted at from now on is looked at after it. */
  take(): { all: boolean; some: string[] };
  /** When all are to be looked at again, in ms from now. */
  again(ms: number): void;
  /** ms until something is to be looked at */
  pause(): number;
}

const someAtOnce = 100;

/** When which endpoints are looked at: what was hinted at first, what is under way when its time comes, all now and then. */
export function createAgenda(now: () => number = () => performance.now()): Agenda {
  const soon = new Set<string>();
  const due = new Map<string, number>();
  let allAt = 0;

  return {
    hint(endpointId) {
      if (endpointId === null) allAt = 0;
      else soon.add(endpointId);
    },
    later: (endpointId, ms) => void due.set(endpointId, now() + ms),
    drop: (endpointId) => void due.delete(endpointId),
    take() {
      const at = now();
      for (const [id, from] of due) if (from <= at && due.delete(id)) soon.add(id);
      const all = allAt <= at;
      const some = all ? [...soon] : [...soon].slice(0, someAtOnce);
      for (const id of some) soon.delete(id);
      // until it is said when; a hint meanwhile stands
      if (all) allAt = Number.POSITIVE_INFINITY;
      return { all, some };
    },
    again(ms) {
      if (allAt > 0) allAt = now() + ms;
    },
    pause: () => (soon.size > 0 ? 0 : Math.max(Math.min(allAt, ...due.values()) - now(), 0)),
  };
}
