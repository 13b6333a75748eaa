import type { Address } from '#ports/runtime';

export interface AddressBook {
  /** What was found last, or is found now. An address that is found again is the same object. */
  of(revisionId: string, find: () => Address[]): readonly Address[];
  /** Something of the revision changed: it is looked for again when somebody asks. */
  changed(revisionId: string): void;
  forget(revisionId: string): void;
}

/** Whoever counts by address (breakers, requests under way) counts by object, so a replica keeps its own while others come and go. */
export function createAddressBook(): AddressBook {
  const known = new Map<string, { addresses: readonly Address[]; fresh: boolean }>();
  return {
    of(revisionId, find) {
      const entry = known.get(revisionId);
      if (entry?.fresh === true) return entry.addresses;
      const addresses = find().map((found) => entry?.addresses.find((one) => isSame(one, found)) ?? found);
      known.set(revisionId, { addresses, fresh: true });
      return addresses;
    },
    changed(revisionId) {
      const entry = known.get(revisionId);
      if (entry !== undefined) entry.fresh = false;
    },
    forget: (revisionId) => void known.delete(revisionId),
  };
}

const isSame = (a: Address, b: Address) => a.baseUrl === b.baseUrl && a.provider === b.provider && a.model === b.model;
