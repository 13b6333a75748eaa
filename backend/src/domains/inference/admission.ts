import type { ResolvedRoute, RouteTarget } from '#domains/serving';
import type { Identity } from '#platform/access';
import { failure } from '#platform/errors';
import { together } from '#platform/words';
import { words } from './sentences.ts';
import type { Bucket, Cache, Taken } from '#ports/cache';
import type { Operation } from '#ports/provider';
import { estimateTokens } from './exchange/facts.ts';
import type { Reservation, Spend, Spending } from './spending.ts';
import type { Body } from './request/body.ts';

/** What was taken for a request before it goes on. */
export interface Admission {
  /** reckoned, for what the prompt will cost */
  promptTokens: number;
  /** header lines for the answer: what is left of the limits that apply */
  headers: string;
  /** what is asked and answered is kept */
  capture: boolean;
  /** when it was admitted, ms since 1970 by the database's clock: the `at` of its event */
  at: number;
  /** What it really took, once; `served`: where it went in the end. */
  settle(actual: Spend, served?: { endpoint: string; model: string }): void;
}

interface Limits {
  requestsPerMinute?: number | undefined;
  tokensPerMinute?: number | undefined;
}

interface Asked {
  identity: Identity;
  route: ResolvedRoute;
  targets: readonly RouteTarget[];
  body: Body;
  operation: Operation;
}

const defaultMaxTokens = 1024;
/** no model answers with more: what is asked beyond is asked in vain */
const mostTokens = 1_000_000_000;

/**
 * Takes from rate limits and budgets what a request may use at most: its prompt as reckoned and as many tokens as it lets be produced.
 * Answers at once unless a shared store or the end of a budget has to be asked. Throws `rate_limited`, `budget_exhausted`.
 */
export function createAdmit(deps: {
  spending: Spending;
  cache: Pick<Cache, 'take'>;
  limitsOf(apiKeyId: string): Limits | null;
  captureAll: boolean;
}): (asked: Asked) => Admission | Promise<Admission> {
  const { spending, cache } = deps;

  function bucketsFor({ identity, route }: Asked, tokens: number): Bucket[] {
    const buckets: Bucket[] = [];
    if (identity.apiKeyId !== null) add(buckets, 'key', identity.apiKeyId, deps.limitsOf(identity.apiKeyId), tokens);
    add(buckets, 'route', route.routeId, route.limits, tokens);
    return buckets;
  }

  function wishOf(asked: Asked, promptTokens: number, produced: number): Spend {
    let amount = 0n;
    for (const { modelId } of asked.targets) {
      const price = spending.price(modelId);
      if (price === null) continue;
      const cost =
        price.perRequest + price.perInputToken * BigInt(promptTokens) + price.perOutputToken * BigInt(produced);
      // of a fallback chain, the dearest
      if (cost > amount) amount = cost;
    }
    return { amount, tokens: promptTokens + produced, requests: 1 };
  }

  function admitted(
    asked: Asked,
    wish: Spend,
    promptTokens: number,
    buckets: Bucket[],
    taken: Taken | null,
  ): Admission | Promise<Admission> {
    if (taken !== null && !taken.allowed) throw limited(buckets[taken.refused]!, taken);
    const { identity, route, targets } = asked;
    const target = targets[0]!;
    const headers = taken === null ? '' : headersOf(buckets, taken);
    const capture = deps.captureAll || route.capture;
    const taking = { promptTokens, headers, capture, buckets, tokens: wish.tokens, cache };
    try {
      const reserved = spending.reserve(
        {
          team: identity.teams === '*' ? route.team : (identity.teams[0] ?? null),
          project: identity.project,
          user: identity.userId,
          key: identity.apiKeyId,
          endpoint: target.endpointId,
          model: target.modelId,
        },
        wish,
      );
      return reserved instanceof Promise ? later(reserved, taking) : new Admitted(taking, reserved);
    } catch (error) {
      giveBack(taking);
      throw error;
    }
  }

  return (asked) => {
    const { bytes } = asked.body;
    const promptTokens = estimateTokens(bytes.length, asked.body.characters);
    const produced = mostProduced(asked);
    const wish = wishOf(asked, promptTokens, produced);
    const buckets = bucketsFor(asked, wish.tokens);
    if (buckets.length === 0) return admitted(asked, wish, promptTokens, buckets, null);
    const taken = cache.take(buckets);
    if (!(taken instanceof Promise)) return admitted(asked, wish, promptTokens, buckets, taken);
    return taken.then((found) => admitted(asked, wish, promptTokens, buckets, found));
  };
}

interface Taking {
  promptTokens: number;
  headers: string;
  capture: boolean;
  buckets: readonly Bucket[];
  /** what of them was taken */
  tokens: number;
  cache: Pick<Cache, 'take'>;
}

/** Nothing is kept of what is refused after all. */
function giveBack({ buckets, cache }: Taking): void {
  if (buckets.length > 0) void cache.take(buckets.map((bucket) => ({ ...bucket, take: -bucket.take })));
}

async function later(reserved: Promise<Reservation>, taking: Taking): Promise<Admission> {
  try {
    return new Admitted(taking, await reserved);
  } catch (error) {
    giveBack(taking);
    throw error;
  }
}

/** A class, for each request makes one (decision 30). */
class Admitted implements Admission {
  readonly promptTokens: number;
  readonly headers: string;
  readonly capture: boolean;
  readonly at: number;
  private readonly taking: Taking;
  private readonly reservation: Reservation;

  constructor(taking: Taking, reservation: Reservation) {
    this.promptTokens = taking.promptTokens;
    this.headers = taking.headers;
    this.capture = taking.capture;
    this.at = reservation.at;
    this.taking = taking;
    this.reservation = reservation;
  }

  settle(actual: Spend, served?: { endpoint: string; model: string }): void {
    this.reservation.settle(actual, served);
    const { buckets, tokens, cache } = this.taking;
    correct(cache, buckets, tokens, actual.tokens);
  }
}

/** What was taken for tokens that were not used goes back; what was used beyond is taken now. */
function correct(cache: Pick<Cache, 'take'>, buckets: readonly Bucket[], taken: number, used: number): void {
  if (taken === used) return;
  let back: Bucket[] | null = null;
  for (const { key, perMinute } of buckets) {
    if (!key.endsWith(':tokens')) continue;
    const bucket = { key, perMinute, take: used - taken, used: true };
    if (back === null) back = [bucket];
    else back.push(bucket);
  }
  if (back !== null) void cache.take(back);
}

/** The most tokens that the answer may have: as asked, else as the route says. */
function mostProduced({ body: { value }, route, operation }: Asked): number {
  if (operation === 'embedding') return 0;
  const named = value['max_completion_tokens'] ?? value['max_tokens'];
  const most = typeof named === 'number' ? named : (route.limits?.defaultMaxTokens ?? defaultMaxTokens);
  return Math.min(most * (typeof value['n'] === 'number' ? value['n'] : 1), mostTokens);
}

function limited(bucket: Bucket, taken: Taken): Error {
  const seconds = Math.max(Math.ceil(taken.retryAfterMs / 1000), 1);
  const [who, , what] = bucket.key.split(':');
  const limit = `${who === 'key' ? 'key' : 'route'}_${what === 'tokens' ? 'tokens' : 'requests'}` as const;
  return failure('rate_limited', {
    ...together(words.tell(limit, { most: String(bucket.perMinute) }), words.tell('later', { seconds })),
    headers: { 'retry-after': String(seconds) },
  });
}

interface Keys {
  requests: string;
  tokens: string;
}
const keys = new WeakMap<Limits, Keys>();

/** Limits are the same object as long as nobody changes them: the names of their buckets are made once. */
function keysOf(kind: 'key' | 'route', id: string, limits: Limits): Keys {
  let known = keys.get(limits);
  if (known === undefined) {
    known = { requests: `${kind}:${id}:requests`, tokens: `${kind}:${id}:tokens` };
    keys.set(limits, known);
  }
  return known;
}

function add(buckets: Bucket[], kind: 'key' | 'route', id: string, limits: Limits | null, tokens: number): void {
  if (limits === null) return;
  const { requestsPerMinute, tokensPerMinute } = limits;
  if (requestsPerMinute === undefined && tokensPerMinute === undefined) return;
  const names = keysOf(kind, id, limits);
  if (requestsPerMinute !== undefined) buckets.push({ key: names.requests, perMinute: requestsPerMinute, take: 1 });
  if (tokensPerMinute !== undefined) buckets.push({ key: names.tokens, perMinute: tokensPerMinute, take: tokens });
}

/** As OpenAI names them; of several limits of a kind, the one with the least left. */
const headersOf = (buckets: readonly Bucket[], taken: Taken): string =>
  linesOf('requests', buckets, taken) + linesOf('tokens', buckets, taken);

function linesOf(what: 'requests' | 'tokens', buckets: readonly Bucket[], taken: Taken): string {
  let least = -1;
  for (let index = 0; index < buckets.length; index += 1) {
    if (!buckets[index]!.key.endsWith(what)) continue;
    if (least === -1 || taken.buckets[index]!.remaining < taken.buckets[least]!.remaining) least = index;
  }
  if (least === -1) return '';
  const { remaining, resetMs } = taken.buckets[least]!;
  const left = Math.max(Math.floor(remaining), 0);
  return `x-ratelimit-limit-${what}: ${buckets[least]!.perMinute}\r\nx-ratelimit-remaining-${what}: ${left}\r\nx-ratelimit-reset-${what}: ${Math.ceil(resetMs) / 1000}s\r\n`;
}
