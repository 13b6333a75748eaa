import type { RoutingDecision } from '@llm-ops/contracts';
import { failure, isFailure, type Failure } from '#platform/errors';
import { headerOf, unframe, type WireCall, type WireHandler } from '#platform/wire';
import type { ResolvedRoute, RouteTarget } from '#domains/serving';
import type { Dialect } from '#ports/provider';
import type { ExchangeDeps } from '../deps.ts';
import { envelopeOf, sendAnswer, sendFailure } from '../replies.ts';
import type { Body } from '../request/body.ts';
import { rewriteBody } from '../request/rewrite.ts';
import { chooseDestination, hostOf, keyOf, type Destination } from '../routing/choice.ts';
import { causeOfError, causeOfStatus, isIllness, leftToTry, type RetryCause } from '../routing/retry.ts';
import type { Line } from '../upstream/index.ts';
import { keepAnswer } from './answers.ts';
import type { Call } from './call.ts';
import { createStreamFollower, type StreamFollower } from './events.ts';
import { brokenOff, nonsense, refusalOf, toldByEngine } from './failures.ts';
import { factsOfAnswer, factsOfValue, type AnswerFacts } from './facts.ts';
import { translateReasons } from './reasons.ts';
import { beginRecord, type Outcome } from './record.ts';

const refusalBytes = 64 * 1024;
const answerBytes = 256 * 1024 * 1024;
const keptBytes = 1024 * 1024;
const progressMs = 5_000;
const defaults = { connectMs: 5_000, firstTokenMs: 300_000, idleMs: 120_000 };
const done = Buffer.from('data: [DONE]\n\n');
const streamLines =
  'content-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\nx-accel-buffering: no\r\n';
const noFacts: AnswerFacts = { usage: null, finishReason: null, responseId: null, responseModel: null };

interface StreamOptions {
  include_usage?: unknown;
  continuous_usage_stats?: unknown;
}

/**
 * Sends a request to one of its targets and the answer back, trying others before the client has seen a byte; records it whatever
 * happens. A state machine without promises: it is the platform's hottest path. `onFailure` tells what was answered instead of an answer.
 */
export function exchange(deps: ExchangeDeps, call: Call, onFailure: (error: Failure, sent: boolean) => void): void {
  const { reply, route, targets, body } = call;
  const record = beginRecord(deps, call, () => {
    if (!over) next(null, null);
  });
  const tried = new Set<string>();
  const attempts: RoutingDecision['attempts'] = [];
  const keeps = call.cacheKey !== null || call.admission.capture;
  const streamOptions = body.value['stream_options'] as StreamOptions | null | undefined;
  let tries = { within: 0, priority: -1 };
  let wire: WireCall | null = null;
  let release: (() => void) | null = null;
  let destination: Destination | null = null;
  let attemptAt = 0;
  let over = false;
  let firstTokenMs: number | null = null;
  let follower: StreamFollower | null = null;
  let providerName: string | null = null;
  let kept: Buffer[] | null = null;
  let keptSize = 0;
  let progressAt = 0;

  reply.watch(
    () => {
      if (over) return;
      wire?.abort();
      if (destination !== null) deps.breakers.abandoned(destination.key);
      note('cancelled', null);
      over = true;
      close(499, 'client_gone');
    },
    () => wire?.resume(),
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
    if (found === null) return fail(failed ?? allOpen());
    tries =
      found.target.priority === tries.priority
        ? { ...tries, within: tries.within + 1 }
        : { within: 1, priority: found.target.priority };
    destination = found;
    tried.add(found.key);
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
    const { dialect } = line.provider;
    const { timeouts } = to.target;
    providerName = line.provider.telemetryName;
    const asked = dialect === null ? null : { ...body.value, model: to.address.model };
    wire = line.send(
      asked === null ? plainBody(to, line) : [Buffer.from(JSON.stringify(dialect!.request(call.operation, asked)))],
      record.headers,
      {
        connectMs: timeouts.connectMs ?? defaults.connectMs,
        firstByteMs: timeouts.firstTokenMs ?? defaults.firstTokenMs,
        idleMs: timeouts.idleMs ?? defaults.idleMs,
      },
      answerHandler(to, line, asked),
    );
  }

  /** Whether usage is asked for with each piece, which the client did not. */
  const asksEachPiece = ({ provider }: Line): boolean =>
    provider.streamUsage === 'continuous' && streamOptions?.continuous_usage_stats === undefined;

  function plainBody(to: Destination, line: Line): Buffer[] {
    return rewriteBody(body, {
      model: to.address.model,
      askUsage: call.streamed && line.provider.streamUsage !== 'always',
      continuous: asksEachPiece(line),
      drop: call.face === 'envelope' ? ['variables', 'template'] : [],
    });
  }

  /** What comes of one try. */
  function answerHandler(to: Destination, line: Line, asked: Body['value'] | null): WireHandler {
    const { dialect } = line.provider;
    let status = 0;
    let mode: 'refusal' | 'stream' | 'whole' = 'whole';
    let retryAfter: string | null = null;
    const parts: Buffer[] = [];
    let size = 0;
    let stream: ReturnType<Dialect['stream']> | null = null;
    follower = null;

    const collect = (payload: Buffer): void => {
      size += payload.length;
      if (mode === 'refusal' && size > refusalBytes) return;
      if (size > answerBytes) return broken(nonsense(route.routeName, 'sent an answer larger than 256 MiB'));
      parts.push(Buffer.from(payload));
    };

    /** The first bytes commit to this answer: from here on nothing is tried again. */
    const commit = (): void => {
      if (firstTokenMs !== null) return;
      firstTokenMs = performance.now() - call.started;
      reply.open(headers(to) + streamLines);
    };

    const pass = (events: Buffer): void => {
      if (events.length === 0) return;
      commit();
      keep(events);
      reply.body(events);
    };

    /** `rest`: the engine has told of the error in its own words, which are sent on; else it is broken off and the client told in ours. */
    const broken = (error: Failure, rest: Buffer | null = null): void => {
      if (rest === null) wire?.abort();
      // after the first byte there is nothing left to try
      if (firstTokenMs === null) return missed('error', status === 0 ? null : status, error);
      deps.breakers.failed(to.key, subjectOf(to));
      note('error', status);
      over = true;
      if (rest === null) close(sendFailure(reply, call.face, error, {}).status, error.code);
      else {
        reply.body(rest);
        close(error.status, error.code, undefined, null, reply.ending());
      }
      onFailure(error, true);
    };

    const guarded = (work: () => void): void => {
      try {
        work();
      } catch (error) {
        if (over) return deps.log.error({ err: error, requestId: call.requestId }, 'an answer could not be recorded');
        const what = error instanceof Error ? error.message : String(error);
        broken(isFailure(error) ? error : nonsense(route.routeName, `sent what is not understood: ${what}`));
      }
    };

    const onStream = (payload: Buffer): void =>
      guarded(() => {
        const events = stream === null ? payload : stream.push(payload);
        // bytes that are handed on must outlive this turn
        const out = follower!.push(events);
        // nothing has left yet: another may do better
        const { error } = follower!.facts;
        if (error !== null && firstTokenMs === null) return broken(toldByEngine(error, to, route.routeName));
        pass(out.length > 0 && stream === null ? Buffer.from(out) : out);
        progress();
      });

    return {
      onHead(code, head) {
        status = code;
        const type = headerOf(head, 'content-type') ?? 'application/json';
        if (code >= 300) {
          mode = 'refusal';
          retryAfter = headerOf(head, 'retry-after');
        } else if (call.streamed && (dialect !== null || type.startsWith('text/event-stream'))) {
          mode = 'stream';
          stream = dialect === null ? null : dialect.stream(call.operation);
          follower = createStreamFollower({
            wantsUsage: streamOptions?.include_usage === true,
            strip: asksEachPiece(line),
            reasons: line.provider.finishReasons,
          });
        }
      },
      onBody: (payload) => (mode === 'stream' ? onStream(payload) : collect(payload)),
      onFrames(frames, count) {
        if (mode !== 'stream') return collect(unframe(frames));
        if (stream !== null) return onStream(unframe(frames));
        guarded(() => {
          const out = follower!.frames(frames, count);
          if (out === null) return onStream(unframe(frames));
          if (out.length > 0) {
            commit();
            if (keeps) keep(Buffer.from(unframe(out)));
            reply.frames(out);
          }
          progress();
        });
      },
      onRest() {
        if (mode === 'stream' && !over && !reply.flush()) wire?.pause();
      },
      onEnd: () =>
        guarded(() => {
          const bytes = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
          if (mode === 'refusal') return refused(to, status, { body: bytes, retryAfter });
          if (mode === 'whole') {
            if (dialect === null) {
              const { finishReasons } = line.provider;
              const answer = finishReasons === null ? bytes : translateReasons(bytes, finishReasons);
              return whole(to, answer, factsOfAnswer(answer, deps.telemetry.enabled));
            }
            const value = dialect.response(call.operation, bytes, asked!);
            return whole(to, Buffer.from(JSON.stringify(value)), value === null ? null : factsOfValue(value));
          }
          const translatedRest = stream === null ? null : stream.end();
          const rest = Buffer.concat([
            ...(translatedRest === null ? [] : [follower!.push(translatedRest)]),
            follower!.end(),
          ]);
          const { facts } = follower!;
          if (facts.error !== null) return broken(toldByEngine(facts.error, to, route.routeName), rest);
          if (!facts.done && facts.finishReason === null) {
            if (rest.length > 0) pass(rest);
            return broken(nonsense(route.routeName, 'ended its answer early'));
          }
          commit();
          // some engines leave the last line out
          const last = facts.done ? rest : Buffer.concat([rest, done]);
          keep(last);
          reply.body(last);
          answered(to, status);
          keepAnswer(deps, call, to, { body: keptBody(), usage: facts.usage, finishReason: facts.finishReason });
          finish(facts, null, reply.ending());
        }),
      onError(error) {
        if (over) return;
        const told = brokenOff(error, route.routeName);
        if (firstTokenMs !== null) return broken(told);
        missed(causeOfError(error), status === 0 ? null : status, told);
      },
    };
  }

  /** Header lines of an answer. */
  function headers({ target }: Destination): string {
    const tries = tried.size > 1 ? `; attempts=${tried.size}` : '';
    const cache = call.cacheKey === null ? '' : 'x-llmops-cache: miss\r\n';
    return `x-request-id: ${call.requestId}\r\n${explanationOf(route, target)}${tries}\r\n${call.admission.headers}${cache}`;
  }

  /** A whole answer is complete before a byte of it is sent: one that is broken can still be tried elsewhere. */
  function whole(to: Destination, answer: Buffer, facts: AnswerFacts | null): void {
    if (facts === null) return missed('error', 200, nonsense(route.routeName, 'answered something that is not JSON'));
    answered(to, 200);
    keep(answer);
    const body = call.face === 'openai' ? answer : envelopeOf(answer, facts.usage, to.target);
    const lines = headers(to);
    keepAnswer(deps, call, to, { body: keptBody(), ...facts });
    finish(facts, facts.usage === null ? textOf(answer) : null, () => sendAnswer(reply, body, lines));
  }

  function refused(to: Destination, status: number, answer: { body: Buffer; retryAfter: string | null }): void {
    missed(causeOfStatus(status), status, refusalOf({ status, ...answer }, to, route.routeName, call.face));
  }

  function answered(to: Destination, status: number): void {
    deps.breakers.succeeded(to.key);
    note('answered', status);
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

  function note(outcome: string, status: number | null): void {
    release?.();
    release = null;
    wire = null;
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
      message: `"${route.routeName}" in ${route.environment} failed again and again; it is tried again in ${seconds} s.`,
      headers: { 'retry-after': String(seconds) },
    });
  }

  function fail(error: Failure): void {
    over = true;
    const sent = sendFailure(reply, call.face, error, {
      'x-request-id': call.requestId,
      'x-llmops-environment': route.environment,
    });
    close(sent.status, error.code);
    onFailure(error, false);
  }

  /** Answered in full: the last bytes leave when that is in the journal. */
  function finish(facts: AnswerFacts, text: string | null, go: () => void): void {
    over = true;
    try {
      close(200, null, facts, text, go);
    } catch (error) {
      go();
      throw error;
    }
  }

  function close(
    status: number,
    errorCode: string | null,
    facts: AnswerFacts = follower?.facts ?? noFacts,
    text: string | null = null,
    go?: () => void,
  ): void {
    release?.();
    release = null;
    const outcome: Outcome = {
      status,
      errorCode,
      usage: facts.usage,
      finishReason: facts.finishReason,
      responseId: facts.responseId,
      responseModel: facts.responseModel,
      firstTokenMs: call.streamed ? firstTokenMs : null,
      pieces: follower?.facts.pieces ?? 0,
      text,
      body: kept === null ? null : Buffer.concat(kept),
      cut: keptSize > keptBytes,
      attempts,
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
    record.progress(follower!.facts.usage?.completion_tokens ?? follower!.facts.pieces);
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

/** The texts of an answer that does not count itself. */
function textOf(answer: Buffer): string {
  try {
    const { choices } = JSON.parse(answer.toString('utf8')) as {
      choices?: { message?: { content?: unknown }; text?: unknown }[];
    };
    return (choices ?? []).map(({ message, text }) => String(message?.content ?? text ?? '')).join('');
  } catch {
    return '';
  }
}
