import type { ChangeRequest } from '@llm-ops/contracts';
import type { Context, Trx } from '#platform/http';
import type { Prepared } from '../endpoints/wanted.ts';

/** Who asks, in which transaction; `note` tells the audit entry of what is made on the way. */
export type Asking = Pick<Context, 'access' | 'trx' | 'note'>;

/** What is asked for in the words of another face than serving's own. */
export type FaceRequest = Extract<ChangeRequest, { kind: 'create-model' | 'update-model' }>;

/** A face of the core whose requests go the way of all changes: it understands them, the core decides what becomes of them. */
export interface Face {
  /** `id` is that of the change, also when it is looked at anew. Throws why it may not be or cannot be. */
  prepare(asking: Asking, request: FaceRequest, id: string): Promise<Prepared>;
  /** What was kept for a change that will never be carried out. */
  discard(trx: Trx, id: string): Promise<void>;
}

export const isOfFace = (request: ChangeRequest): request is FaceRequest =>
  request.kind === 'create-model' || request.kind === 'update-model';
