import { failure } from '#platform/errors';
import { ClusterError, ClusterUnreachable } from './cluster/client.ts';

/** What cannot pass by itself becomes a failure of the product's own, which ends a rollout; the rest is tried again. */
export function toldAs(error: unknown): unknown {
  if (error instanceof ClusterUnreachable) return failure('cluster_unreachable', { message: error.message });
  if (!(error instanceof ClusterError)) return error;
  if (error.status === 403 && /exceeded quota/.test(error.message))
    return failure('cluster_quota_exceeded', { message: error.message });
  // it is made again when it is gone
  if (error.status === 403 && error.message.includes('being terminated')) return error;
  if (error.status === 403) return failure('cluster_forbidden', { message: error.message });
  if (error.status === 422 || error.status === 400) return failure('cluster_refused', { message: error.message });
  return error;
}
