import type { RoutingDecision } from '@llm-ops/contracts';
import type { RouteTarget } from '#domains/serving';
import { failure, type Failure } from '#platform/errors';
import type { ExchangeDeps } from '../deps.ts';
import { chooseDestination, hostOf, keyOf, type ChoiceWorld, type Destination } from '../routing/choice.ts';
import { isIllness, leftToTry, type RetryCause } from '../routing/retry.ts';
import { words } from '../sentences.ts';
import type { Call } from './call.ts';

/** Where a request was tried and what came of it, for breakers, loads and the log. A class, for each request makes one (decision 30). */
export class Tries implements ChoiceWorld {
  /** replicas, by key */
  readonly tried: string[];
  /** targets that were passed over because they failed again and again */
  readonly shut: RouteTarget[];
  readonly attempts: RoutingDecision['attempts'];
  /** the one tried last; null: none was */
  destination: Destination | null;
  /** tries among the targets of this priority */
  within: number;
  priority: number;
  private readonly deps: ExchangeDeps;
  private readonly call: Call;
  /** of the revision that is asked now */
  private release: (() => void) | null;
  /** ms of `performance.now()` */
  private began: number;

  constructor(deps: ExchangeDeps, call: Call) {
    this.tried = [];
    this.shut = [];
    this.attempts = [];
    this.destination = null;
    this.within = 0;
    this.priority = -1;
    this.deps = deps;
    this.call = call;
    this.release = null;
    this.began = 0;
  }

  available(key: string): boolean {
    return this.deps.breakers.state(key) !== 'open';
  }

  load(key: string): number {
    return this.deps.loads.of(key);
  }

  random(): number {
    return Math.random();
  }

  /** Where to go next; null: nothing is left. `cause`: why the one before gave no answer. */
  next(cause: RetryCause | null): Destination | null {
    const { deps, tried } = this;
    const { targets, route } = this.call;
    const left = tried.length === 0 ? targets : leftToTry(targets, cause, route.retry, this);
    const found = chooseDestination(left, this);
    if (found?.target !== targets[0]) this.noteShut();
    if (found === null) return null;
    const { key, target } = found;
    this.within = target.priority === this.priority ? this.within + 1 : 1;
    this.priority = target.priority;
    this.destination = found;
    tried.push(key);
    deps.breakers.begin(key);
    deps.loads.began(key);
    this.release = deps.table.acquire(target.revisionId);
    this.began = performance.now();
    return found;
  }

  answered(status: number): void {
    this.deps.breakers.succeeded(this.destination!.key);
    this.note('answered', status);
  }

  /** The client saw nothing of it: another may be tried. */
  missed(cause: RetryCause | null, status: number | null): void {
    const { breakers } = this.deps;
    const { key } = this.destination!;
    if (isIllness(cause)) breakers.failed(key, subjectOf(this.destination!));
    // it answered, if only to refuse
    else if (status !== null) breakers.succeeded(key);
    else breakers.abandoned(key);
    this.note(cause ?? 'refused', status);
  }

  /** In the middle of its answer. */
  broke(status: number | null): void {
    this.deps.breakers.failed(this.destination!.key, subjectOf(this.destination!));
    this.note('error', status);
  }

  /** The client went away. */
  cancelled(): void {
    if (this.destination !== null) this.deps.breakers.abandoned(this.destination.key);
    this.note('cancelled', null);
  }

  /** It is not under way any more. */
  leave(): void {
    if (this.release === null) return;
    this.deps.loads.ended(this.destination!.key);
    this.release();
    this.release = null;
  }

  /** Why nothing could be tried at all. */
  allOpen(): Failure {
    const { route, targets } = this.call;
    const keys = targets.flatMap((target) => target.addresses.map((address) => keyOf(target, address)));
    const seconds = Math.max(Math.ceil(this.deps.breakers.retryInMs(keys) / 1000), 1);
    return failure('endpoint_unavailable', {
      ...words.tell('all_open', { route: route.routeName, environment: route.environment, seconds }),
      headers: { 'retry-after': String(seconds) },
    });
  }

  private noteShut(): void {
    for (const target of this.call.targets) {
      if (this.shut.includes(target)) continue;
      const keys = target.addresses.map((address) => keyOf(target, address));
      if (keys.every((key) => !this.tried.includes(key) && !this.available(key))) this.shut.push(target);
    }
  }

  private note(outcome: string, status: number | null): void {
    this.leave();
    if (this.destination === null) return;
    const { target } = this.destination;
    this.attempts.push({
      endpoint_id: target.endpointId,
      revision: target.revisionNumber,
      priority: target.priority,
      address: hostOf(this.destination),
      outcome,
      status,
      milliseconds: Math.round((performance.now() - this.began) * 10) / 10,
    });
  }
}

const subjectOf = (to: Destination) => ({ endpointId: to.target.endpointId, address: hostOf(to) });
