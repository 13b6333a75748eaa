import type {
  BodyIn,
  catalogRoutes,
  changeRoutes,
  costRoutes,
  DataOf,
  datasetRoutes,
  Envelope,
  gatewayRoutes,
  governanceRoutes,
  inferenceRoutes,
  observationRoutes,
  organizationRoutes,
  ParamsIn,
  platformRoutes,
  QueryIn,
  RouteSpec,
  servingRoutes,
  usageRoutes,
} from '@llm-ops/contracts';

export type Tables = typeof catalogRoutes &
  typeof datasetRoutes &
  typeof servingRoutes &
  typeof gatewayRoutes &
  typeof observationRoutes &
  typeof changeRoutes &
  typeof inferenceRoutes &
  typeof organizationRoutes &
  typeof usageRoutes &
  typeof costRoutes &
  typeof governanceRoutes &
  typeof platformRoutes;
export type Operation = keyof Tables & string;

/** What the client needs to know of a route at run time: see `routes.ts`. */
export interface RouteFacts {
  method: string;
  path: string;
  /** instead of `/llm-ops/v1` */
  base?: string;
  /** answered without the envelope */
  plain?: boolean;
  list?: boolean;
  idempotent?: boolean;
  file?: boolean;
}

interface Common {
  signal?: AbortSignal;
  headers?: Record<string, string>;
  /** of creates; one is made when it is not given, so that a repeated send of the same call is safe */
  idempotencyKey?: string;
}
type ParamsPart<R extends RouteSpec> = R extends { params: object } ? { params: ParamsIn<R> } : { params?: undefined };
type QueryPart<R extends RouteSpec> = R extends { query: object } ? { query?: QueryIn<R> } : { query?: undefined };
type BodyPart<R extends RouteSpec> = R extends { body: object }
  ? undefined extends BodyIn<R>
    ? { body?: BodyIn<R> }
    : { body: BodyIn<R> }
  : R extends { rawBody: true }
    ? { body: FormData }
    : { body?: undefined };
/** A conditional, so that of several routes each is worked out by itself: the product of all their parts is more than TypeScript takes. */
export type ArgumentsOf<R extends RouteSpec> = R extends RouteSpec
  ? Common & ParamsPart<R> & QueryPart<R> & BodyPart<R>
  : never;
export type DataOfRoute<R extends RouteSpec> = R extends { answer: 'file' } ? Blob : DataOf<R>;

/** The reply with the cursor of the following page (null at the end, and for what is no list). */
export interface Reply<T> extends Envelope<T> {
  next: string | null;
}

type OptionalIfEmpty<A> = Record<never, never> extends A ? [args?: A] : [args: A];
export type ArgumentList<R extends RouteSpec> = OptionalIfEmpty<ArgumentsOf<R>>;

/** A page when awaited, every row when iterated. */
export type Listing<T> = Promise<T[]> & AsyncIterable<T>;
type Answer<R extends RouteSpec> = R extends { list: true }
  ? DataOf<R> extends (infer Row)[]
    ? Listing<Row>
    : never
  : Promise<DataOfRoute<R>>;

export type Client = { [K in Operation]: (...args: ArgumentList<Tables[K]>) => Answer<Tables[K]> };
