import type { RoutingDecision } from '@llm-ops/contracts';
import { failure, isFailure, type Failure } from '#platform/errors';
import { unframe } from '#platform/wire';
import type { ResolvedRoute, RouteTarget } from '#domains/serving';
import type { ExchangeDeps } from '../deps.ts';
import { envelopeOf, sendAnswer, sendFailure } from '../replies.ts';
import { chooseDestination, hostOf, keyOf, type Destination } from '../routing/choice.ts';
import { causeOfError, causeOfStatus, isIllness, leftToTry, type RetryCause } from '../routing/retry.ts';
import type { Line } from '../upstream/index.ts';
import { keepAnswer } from './answers.ts';
import { attempt, type Attempt, type AttemptListener } from './attempt.ts';
import type { Call } from './call.ts';
import { brokenOff, nonsense, refusalOf } from './failures.ts';
import { textOf, type AnswerFacts } from './facts.ts';
import { beginRecord, type Outcome } from './record.ts';
import { words } from '../sentences.ts';

const keptBytes = 1024 * 1024;
const progressMs = 5_000;
const streamLines =
  'content-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\nx-accel-buffering: no\r\n';
const noFacts: AnswerFacts = { usage: null, finishReason: null, responseId: null, responseModel: null };

/**
 * Sends a request to one of its targets (`attempt`) and the answer back, trying others before the client has seen a byte; records it
 * whatever happens. A state machine without promises: it is the platform's hottest path. `onFailure` tells what was answered instead of an answer.
 */
export function exchange(deps: ExchangeDeps, call: Call, onFailure: (error: Failure, sent: boolean) => void): void {
  const { reply, route, targets } = call;
  const record = beginRecord(deps, call, () => {
    if (!over) next(null, null);
  });
  const tried: string[] = [];
  /** that failed so often that they were passed over */
  const shut: RouteTarget[] = [];
  const attempts: RoutingDecision['attempts'] = [];
  const keeps = call.cacheKey !== null || call.admission.capture;
  let tries = { within: 0, priority: -1 };
  let current: Attempt | null = null;
  let release: (() => void) | null = null;
  let destination: Destination | null = null;
  let attemptAt = 0;
  let over = false;
  let firstTokenMs: number | null = null;
  let providerName: string | null = null;
  let kept: Buffer[] | null = null;
  let keptSize = 0;
  let progressAt = 0;

  reply.watch(
    () => {
      if (over) return;
      current?.abort();
      if (destination !== null) deps.breakers.abandoned(destination.key);
      note('cancelled', null);
      over = true;
      close(499, 'client_gone', null);
    },
    () => current?.resume(),
  );

  /** Tries the next destination; without one, answers with why the last failed. */
  function next(cause: RetryCause | null, failed: Failure | null): void {
    const left = failed === null ? targets : leftToTry(targets, cause, route.retry, tries);
    const found = chooseDestination(left, {
      available: (key) => deps.breakers.state(key) !== 'open',
      load: deps.loads.of,
      tried,
      random: Math.random,
    });
    if (found?.target !== targets[0]) noteShut();
    if (found === null) return fail(failed ?? allOpen());
    tries =
      found.target.priority === tries.priority
        ? { ...tries, within: tries.within + 1 }
        : { within: 1, priority: found.target.priority };
    destination = found;
    tried.push(found.key);
    deps.breakers.begin(found.key);
    deps.loads.began(found.key);
    const acquired = deps.table.acquire(found.target.revisionId);
    release = () => {
      deps.loads.ended(found.key);
      acquired();
    };
    attemptAt = performance.now();
    try {
      const line = deps.upstream.line(found.target, found.address, call.operation);
      if (line instanceof Promise) line.then((opened) => send(found, opened)).catch(unsendable);
      else send(found, line);
    } catch (error) {
      unsendable(error);
    }
  }

  /** Nothing was sent: the address may not or cannot be called, or its provider cannot do this. */
  function unsendable(error: unknown): void {
    if (over) return;
    if (!isFailure(error)) {
      deps.log.error({ err: error, requestId: call.requestId }, 'a request could not be sent');
      return missed(null, null, failure('internal', { cause: error }));
    }
    const passing = error.code === 'egress_unreachable' || error.code === 'egress_timeout';
    missed(passing ? 'connect' : null, null, error);
  }

  function send(to: Destination, line: Line): void {
    if (over) return;
    providerName = line.provider.telemetryName;
    current = attempt({ call, to, line, headers: record.headers, named: deps.telemetry.enabled }, listener);
  }

  const listener: AttemptListener = {
    events(events) {
      pass(events);
      progress();
    },
    frames(frames) {
      commit();
      if (keeps) keep(Buffer.from(unframe(frames)));
      reply.frames(frames);
      progress();
    },
    pause() {
      if (!over && !reply.flush()) current?.pause();
    },
    streamed(rest, facts) {
      commit();
      keep(rest);
      reply.body(rest);
      answered();
      keepAnswer(deps, call, destination!, { body: keptBody(), usage: facts.usage, finishReason: facts.finishReason });
      finish(facts, null, reply.ending());
    },
    /** Complete before a byte of it is sent: one that is broken can still be tried elsewhere. */
    whole(answer, facts) {
      if (facts === null) return missed('error', 200, nonsense(route.routeName, 'answered something that is not JSON'));
      answered();
      keep(answer);
      const to = destination!;
      const body = call.face === 'openai' ? answer : envelopeOf(answer, facts.usage, to.target);
      const lines = headers(to);
      keepAnswer(deps, call, to, { body: keptBody(), ...facts });
      finish(facts, facts.usage === null ? textOf(answer) : null, () => sendAnswer(reply, body, lines));
    },
    refused(answer) {
      const { status } = answer;
      missed(causeOfStatus(status), status, refusalOf(answer, destination!, route.routeName, call.face));
    },
    broken,
    lost(error) {
      if (over) return;
      const told = brokenOff(error, route.routeName);
      if (firstTokenMs !== null) return broken(told, null);
      missed(causeOfError(error), statusOrNull(), told);
    },
    threw(error) {
      if (over) return deps.log.error({ err: error, requestId: call.requestId }, 'an answer could not be recorded');
      const what = error instanceof Error ? error.message : String(error);
      broken(isFailure(error) ? error : nonsense(route.routeName, `sent what is not understood: ${what}`), null);
    },
  };

  const statusOrNull = (): number | null => current?.status() || null;

  /** The first bytes commit to this answer: from here on nothing is tried again. */
  function commit(): void {
    if (firstTokenMs !== null) return;
    firstTokenMs = performance.now() - call.started;
    reply.open(headers(destination!) + streamLines);
  }

  function pass(events: Buffer): void {
    if (events.length === 0) return;
    commit();
    keep(events);
    reply.body(events);
  }

  /** `rest`: the engine has told of the error in its own words, which are sent on; else it is broken off and the client told in ours. */
  function broken(error: Failure, rest: Buffer | null): void {
    if (rest === null) current?.abort();
    const status = statusOrNull();
    // after the first byte there is nothing left to try
    if (firstTokenMs === null) return missed('error', status, error);
    deps.breakers.failed(destination!.key, subjectOf(destination!));
    note('error', status);
    over = true;
    if (rest === null) close(sendFailure(reply, call.face, error, {}).status, error.code, error);
    else {
      reply.body(rest);
      close(error.status, error.code, error, undefined, null, reply.ending());
    }
    onFailure(error, true);
  }

  /** Header lines of an answer. */
  function headers({ target }: Destination): string {
    const tries = tried.length > 1 ? `; attempts=${tried.length}` : '';
    const cache = call.cacheKey === null ? '' : 'x-llmops-cache: miss\r\n';
    return `x-request-id: ${call.requestId}\r\n${explanationOf(route, target)}${tries}\r\n${call.admission.headers}${cache}`;
  }

  function answered(): void {
    deps.breakers.succeeded(destination!.key);
    note('answered', current!.status());
  }

  /** A try that failed before the client saw anything. */
  function missed(cause: RetryCause | null, status: number | null, error: Failure): void {
    if (isIllness(cause)) deps.breakers.failed(destination!.key, subjectOf(destination!));
    // it answered, if only to refuse
    else if (status !== null) deps.breakers.succeeded(destination!.key);
    else deps.breakers.abandoned(destination!.key);
    note(cause ?? 'refused', status);
    next(cause, error);
  }

  function noteShut(): void {
    for (const target of targets) {
      if (shut.includes(target)) continue;
      const keys = target.addresses.map((address) => keyOf(target, address));
      if (keys.every((key) => !tried.includes(key) && deps.breakers.state(key) === 'open')) shut.push(target);
    }
  }

  function note(outcome: string, status: number | null): void {
    release?.();
    release = null;
    if (destination === null) return;
    const { target, address } = destination;
    attempts.push({
      endpoint_id: target.endpointId,
      revision: target.revisionNumber,
      priority: target.priority,
      address: hostOf(address),
      outcome,
      status,
      milliseconds: Math.round((performance.now() - attemptAt) * 10) / 10,
    });
  }

  function allOpen(): Failure {
    const keys = targets.flatMap((target) => target.addresses.map((address) => keyOf(target, address)));
    const seconds = Math.max(Math.ceil(deps.breakers.retryInMs(keys) / 1000), 1);
    return failure('endpoint_unavailable', {
      ...words.tell('all_open', { route: route.routeName, environment: route.environment, seconds }),
      headers: { 'retry-after': String(seconds) },
    });
  }

  function fail(error: Failure): void {
    over = true;
    const sent = sendFailure(reply, call.face, error, {
      'x-request-id': call.requestId,
      'x-llmops-environment': route.environment,
    });
    close(sent.status, error.code, error);
    onFailure(error, false);
  }

  /** Answered in full: the last bytes leave when that is in the journal. */
  function finish(facts: AnswerFacts, text: string | null, go: () => void): void {
    over = true;
    try {
      close(200, null, null, facts, text, go);
    } catch (error) {
      go();
      throw error;
    }
  }

  function close(
    status: number,
    errorCode: string | null,
    error: Failure | null,
    facts: AnswerFacts = current?.facts() ?? noFacts,
    text: string | null = null,
    go?: () => void,
  ): void {
    release?.();
    release = null;
    const outcome: Outcome = {
      status,
      errorCode,
      error,
      usage: facts.usage,
      finishReason: facts.finishReason,
      responseId: facts.responseId,
      responseModel: facts.responseModel,
      firstTokenMs: call.streamed ? firstTokenMs : null,
      pieces: current?.facts()?.pieces ?? 0,
      text,
      body: kept === null ? null : Buffer.concat(kept),
      cut: keptSize > keptBytes,
      attempts,
      shut,
      destination,
      providerName,
    };
    record.end(outcome, go);
  }

  function keep(bytes: Buffer): void {
    if (!keeps || bytes.length === 0) return;
    keptSize += bytes.length;
    if (keptSize <= keptBytes) (kept ??= []).push(bytes);
  }

  const keptBody = (): Buffer | null => (kept === null || keptSize > keptBytes ? null : Buffer.concat(kept));

  /** What an orphan of this stream would be charged for. */
  function progress(): void {
    const now = performance.now();
    if (progressAt === 0) progressAt = now;
    if (now - progressAt < progressMs) return;
    progressAt = now;
    const { usage, pieces } = current!.facts()!;
    record.progress(usage?.completion_tokens ?? pieces);
  }
}

const explanations = new WeakMap<RouteTarget, string>();

/** Which revision of which endpoint answered, where. The end of the line may be added to. */
function explanationOf(route: ResolvedRoute, target: RouteTarget): string {
  const known = explanations.get(target);
  if (known !== undefined) return known;
  const made = `x-llmops-environment: ${route.environment}\r\nx-llmops-route: name=${encodeURIComponent(route.routeName)}; environment=${route.environment}; endpoint=${target.endpointId}; revision=${target.revisionNumber}`;
  explanations.set(target, made);
  return made;
}

const subjectOf = ({ target, address }: Destination) => ({ endpointId: target.endpointId, address: hostOf(address) });
