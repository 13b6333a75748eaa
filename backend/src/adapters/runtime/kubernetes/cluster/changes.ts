/** Tells whoever listens which endpoints something was seen of; what is seen is of revisions, and the last of one says no more whose it was. */
export function createChanges() {
  const endpoints = new Map<string, string>();
  const listeners: ((endpointId: string) => void)[] = [];
  const tell = (endpointId: string): void => {
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
    listen: (listener: (endpointId: string) => void): void => void listeners.push(listener),
  };
}
