import type { FaceRequest, Prepared } from '#domains/serving';
import { failure } from '#platform/errors';
import type { Trx } from '#platform/http';
import type { Secrets } from '#platform/secrets';

const name = 'hugging_face_token';
const ownerOf = (endpointId: string) => `endpoint:${endpointId}`;
const waitingOwnerOf = (changeId: string) => `change:${changeId}`;
/** Stands in a stored request for a token that is kept apart; nobody can send it, since a token has a character at least. */
const apart = '';

export type Tokens = ReturnType<typeof createTokens>;

/** Tokens of Hugging Face: an endpoint's, and those of changes that wait. */
export function createTokens(secrets: Pick<Secrets, 'get' | 'put' | 'remove'>) {
  return {
    /** What is stored of a request that waits, and how its token is kept until it is carried out. */
    apart(request: FaceRequest, changeId: string): Pick<Prepared, 'stored' | 'keep'> {
      const token = request.deployment_config?.hugging_face_token;
      if (!token) return { stored: request };
      const stored = { ...request, deployment_config: { ...request.deployment_config, hugging_face_token: apart } };
      return { stored: stored as FaceRequest, keep: (trx) => secrets.put(trx, waitingOwnerOf(changeId), name, token) };
    },

    /** An endpoint's from now on, as its change says it; undefined: it stays as it is. */
    async give(trx: Trx, endpointId: string, token: string | null | undefined, changeId: string): Promise<void> {
      if (token === undefined) return;
      if (token === null) return secrets.remove(trx, ownerOf(endpointId));
      const value = token === apart ? await secrets.get(waitingOwnerOf(changeId), name, trx) : token;
      if (value === null) throw failure('secret_unreadable');
      await secrets.put(trx, ownerOf(endpointId), name, value);
      if (token === apart) await secrets.remove(trx, waitingOwnerOf(changeId));
    },

    remove: (trx: Trx, endpointId: string) => secrets.remove(trx, ownerOf(endpointId)),
    discard: (trx: Trx, changeId: string) => secrets.remove(trx, waitingOwnerOf(changeId)),
  };
}

/** The Hugging Face token that is kept for an endpoint; null: none. For the runtime, which puts it where its pods read it. */
export const tokenOf = (secrets: Pick<Secrets, 'get'>, endpointId: string): Promise<string | null> =>
  secrets.get(ownerOf(endpointId), name);
