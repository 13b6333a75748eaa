import type { UsageEvent } from '../usage.ts';

/** What is the same for all requests of one caller to one target: written and sent once for many events. */
export const sourceFields = [
  'gateway',
  'user_id',
  'team',
  'project',
  'api_key_id',
  'route',
  'environment',
  'endpoint_id',
  'model_id',
  'model_name',
  'model_version',
  'provider',
  'revision',
  'operation',
  'streamed',
  'forwarded',
  'cached',
  'price',
] as const satisfies readonly (keyof UsageEvent)[];

/** The rest, each event's own. */
export const ownFields = [
  'id',
  'at',
  'request_id',
  'status',
  'error_code',
  'prompt_tokens',
  'completion_tokens',
  'estimated',
  'cost',
  'latency_ms',
  'first_token_ms',
  'finish_reason',
  'attempts',
  'trace_id',
  'decision',
] as const satisfies readonly (keyof UsageEvent)[];

type Missing = Exclude<keyof UsageEvent, (typeof sourceFields)[number] | (typeof ownFields)[number]>;
/** does not compile when a field is in neither */
export const complete: Missing extends never ? true : Missing = true;

/** Where an event came from, numbered from 0 in the order of first use. */
export interface Sources {
  /** `added` is called with the first event of a source that is new. */
  numberOf(event: UsageEvent, added?: (number: number) => void): number;
  /** an event of each */
  all(): readonly UsageEvent[];
}

/** `same`: what else events of one number have in common. */
export function createSources(same: (a: UsageEvent, b: UsageEvent) => boolean = () => true): Sources {
  const all: UsageEvent[] = [];
  /** A caller has few: they are compared, which takes less time than a key made of all fields. */
  const byCaller = new Map<string, number[]>();
  return {
    numberOf(event, added) {
      let known = byCaller.get(event.user_id);
      if (known === undefined) byCaller.set(event.user_id, (known = []));
      for (let at = known.length - 1; at >= 0; at -= 1) {
        const one = all[known[at]!]!;
        if (alike(event, one) && same(event, one)) return known[at]!;
      }
      // a copy: an event may turn out to have gone elsewhere
      const number = all.push({ ...event }) - 1;
      if (known.length >= mostOfCaller) known.shift();
      known.push(number);
      added?.(number);
      return number;
    },
    all: () => all,
  };
}

/** Of a caller with more, those not met for long are numbered anew. */
const mostOfCaller = 32;

const alike = (a: UsageEvent, b: UsageEvent): boolean =>
  a.api_key_id === b.api_key_id &&
  a.endpoint_id === b.endpoint_id &&
  a.model_id === b.model_id &&
  a.route === b.route &&
  a.operation === b.operation &&
  a.streamed === b.streamed &&
  a.team === b.team &&
  a.project === b.project &&
  a.environment === b.environment &&
  a.gateway === b.gateway &&
  a.revision === b.revision &&
  a.model_name === b.model_name &&
  a.model_version === b.model_version &&
  a.provider === b.provider &&
  a.forwarded === b.forwarded &&
  a.cached === b.cached &&
  samePrice(a.price, b.price);

const samePrice = (a: UsageEvent['price'], b: UsageEvent['price']): boolean =>
  a === b || (a !== null && b !== null && a.input === b.input && a.output === b.output && a.request === b.request);
