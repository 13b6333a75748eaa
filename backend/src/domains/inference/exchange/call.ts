import type { ResolvedRoute, RouteTarget } from '#domains/serving';
import type { RequestHead, Reply } from '#platform/http';
import type { Identity } from '#platform/access';
import type { Operation } from '#ports/provider';
import type { Admission } from '../admission.ts';
import type { Face } from '../replies.ts';
import type { Body } from '../request/body.ts';

/** A request that may go on: who asks what of which route, with what was taken for it. */
export interface Call {
  request: RequestHead;
  reply: Reply;
  requestId: string;
  identity: Identity;
  face: Face;
  operation: Operation;
  route: ResolvedRoute;
  /** of the route, those that the caller may use */
  targets: readonly RouteTarget[];
  body: Body;
  streamed: boolean;
  admission: Admission;
  /** where the answer may be kept; null: this route, or this request, caches nothing */
  cacheKey: string | null;
  /** ms of `performance.now()` */
  started: number;
}
