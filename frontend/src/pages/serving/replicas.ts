import type { Endpoint } from '@llm-ops/contracts';

type Seen = Pick<Endpoint, 'status' | 'replicas' | 'minReplicas' | 'targetRevision'>;

/** How many there should be at least: where none is left to count, it is known from what was asked for. */
export const wantedReplicas = ({
  status,
  replicas,
  minReplicas,
}: Pick<Seen, 'replicas' | 'minReplicas'> & { status: string }): number =>
  replicas.total > 0 || status === 'stopped' || status === 'deleting' ? replicas.total : minReplicas;

/** Which sentence says how many replicas are ready, and what goes into it: "0 of 0" would say that nothing is missing. Pure. */
export function replicaSentence(endpoint: Seen): { key: string; values: Record<string, number> } {
  const { status, replicas, targetRevision } = endpoint;
  const wanted = wantedReplicas(endpoint);
  const key = (name: string) => `serving.detail.${name}`;
  if (wanted === 0) return { key: key(status === 'stopped' ? 'replicaStopped' : 'replicaNone'), values: {} };
  if (replicas.total > 0) return { key: key('replicaText'), values: { ready: replicas.ready, total: wanted } };
  const values = { wanted, revision: targetRevision };
  return { key: key(status === 'failed' ? 'replicaFailed' : 'replicaYet'), values };
}
