import { type ClientOptions, createCaller } from './caller.ts';
import { routes } from './routes.ts';
import type { Client, Operation, Reply, RouteFacts } from './types.ts';

export { addressOf, type Caller, type ClientOptions, createCaller } from './caller.ts';
export { ApiError, errorOf, unreachable } from './error.ts';
export type { ArgumentsOf, Client, DataOfRoute, Listing, Operation, Reply, Tables } from './types.ts';

type AnyCall = (name: Operation, args?: object) => Promise<Reply<unknown>>;

/** Awaiting gives one page, iterating follows `Link` to the end. */
function listing(call: AnyCall, name: Operation, args: { query?: object }): Promise<unknown> & AsyncIterable<unknown> {
  const first = call(name, args);
  const rows = first.then((reply) => reply.data);
  // who iterates meets the failure there; the unused promise must not end the program
  rows.catch(() => undefined);
  return Object.assign(rows, {
    async *[Symbol.asyncIterator]() {
      let page = await first;
      for (;;) {
        yield* page.data as unknown[];
        if (page.next === null) return;
        page = await call(name, { ...args, query: { ...args.query, cursor: page.next } });
      }
    },
  });
}

/**
 * A typed client, one method a route of the tables:
 * `const models = await client.listModels({ query: { status: 'approved' } })`,
 * `for await (const model of client.listModels()) …`. Methods answer `data`; a failure throws `ApiError`.
 */
export function createClient(options: ClientOptions): Client {
  const call = createCaller(options).call as AnyCall;
  const methods = Object.entries<RouteFacts>(routes).map(([key, route]) => {
    const name = key as Operation;
    const method = (args: { query?: object } = {}) =>
      route.list ? listing(call, name, args) : call(name, args).then((reply) => reply.data);
    return [name, method];
  });
  return Object.fromEntries(methods) as Client;
}
