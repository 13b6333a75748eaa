/** Tells whoever listens which endpoints something was seen of; what is seen is of revisions, and the last of one says no more whose it was. */
export function createChanges() {
  const endpoints = new Map<string, string>();
  const listeners: ((endpointId: string | null) => void)[] = [];
  const tell = (endpointId: string | null): void => {
    for (const listener of listeners) listener(endpointId);
  };
  return {
    tell,
    ofRevision(revisionId: string, endpoint: string | undefined): void {
      if (endpoint !== undefined) endpoints.set(revisionId, endpoint);
      const known = endpoints.get(revisionId);
      if (known !== undefined) tell(known);
    },
    forget: (revisionId: string): void => void endpoints.delete(revisionId),
    /** Something of any of them. */
    ofAll: (): void => tell(null),
    listen: (listener: (endpointId: string | null) => void): void => void listeners.push(listener),
  };
}
