import { failure, isFailure, type Failure } from '#platform/errors';
import type { ReplyWatcher } from '#platform/http';
import { unframe, type WireError } from '#platform/wire';
import type { ResolvedRoute, RouteTarget } from '#domains/serving';
import type { ExchangeDeps } from '../deps.ts';
import { envelopeOf, sendAnswer, sendFailure } from '../replies.ts';
import type { Destination } from '../routing/choice.ts';
import { causeOfError, causeOfStatus, type RetryCause } from '../routing/retry.ts';
import type { Line } from '../upstream/index.ts';
import { keepAnswer } from './answers.ts';
import { attempt, type Attempt, type AttemptListener } from './attempt.ts';
import type { Call } from './call.ts';
import { brokenOff, nonsense, refusalOf } from './failures.ts';
import { textOf, type AnswerFacts } from './facts.ts';
import type { StreamFacts } from './events.ts';
import { beginRecord, type Outcome, type RequestRecord } from './record.ts';
import { Tries } from './tries.ts';

const keptBytes = 1024 * 1024;
const progressMs = 5_000;
const streamLines =
  'content-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\nx-accel-buffering: no\r\n';
const noFacts: AnswerFacts = { usage: null, finishReason: null, responseId: null, responseModel: null };

/**
 * Sends a request to one of its targets (`attempt`) and the answer back, trying others before the client has seen a byte; records it
 * whatever happens. `onFailure` tells what was answered instead of an answer.
 */
export function exchange(deps: ExchangeDeps, call: Call, onFailure: (error: Failure, sent: boolean) => void): void {
  call.reply.watch(new Exchange(deps, call, onFailure));
}

/**
 * A state machine without promises: it is the platform's hottest path. A class, for each request makes one, and closures for all it does would be
 * a tenth of all that a request leaves behind (decision 30).
 */
class Exchange implements AttemptListener, ReplyWatcher {
  private readonly deps: ExchangeDeps;
  private readonly call: Call;
  private readonly onFailure: (error: Failure, sent: boolean) => void;
  private readonly record: RequestRecord;
  private readonly keeps: boolean;
  private readonly tries: Tries;
  private current: Attempt | null;
  private over: boolean;
  private firstTokenMs: number | null;
  private providerName: string | null;
  private kept: Buffer[] | null;
  private keptSize: number;
  private progressAt: number;

  constructor(deps: ExchangeDeps, call: Call, onFailure: (error: Failure, sent: boolean) => void) {
    this.deps = deps;
    this.call = call;
    this.onFailure = onFailure;
    this.keeps = call.cacheKey !== null || call.admission.capture;
    this.tries = new Tries(deps, call);
    this.current = null;
    this.over = false;
    this.firstTokenMs = null;
    this.providerName = null;
    this.kept = null;
    this.keptSize = 0;
    this.progressAt = 0;
    this.record = beginRecord(deps, call, () => {
      if (!this.over) this.next(null, null);
    });
  }

  gone(): void {
    if (this.over) return;
    this.current?.abort();
    this.tries.cancelled();
    this.over = true;
    this.close(499, 'client_gone', null);
  }

  drained(): void {
    this.current?.resume();
  }

  events(events: Buffer): void {
    this.pass(events);
    this.progress();
  }

  frames(frames: Buffer): void {
    this.commit();
    if (this.keeps) this.keep(Buffer.from(unframe(frames)));
    this.call.reply.frames(frames);
    this.progress();
  }

  pause(): void {
    if (!this.over && !this.call.reply.flush()) this.current?.pause();
  }

  streamed(rest: Buffer, facts: StreamFacts): void {
    const { deps, call } = this;
    this.commit();
    this.keep(rest);
    call.reply.body(rest);
    this.answered();
    const { usage, finishReason } = facts;
    if (this.keeps) keepAnswer(deps, call, this.destination(), { body: this.keptBody(), usage, finishReason });
    this.finish(facts, null, call.reply.ending());
  }

  /** Complete before a byte of it is sent: one that is broken can still be tried elsewhere. */
  whole(answer: Buffer, facts: AnswerFacts | null): void {
    const { deps, call } = this;
    if (facts === null)
      return this.missed('error', 200, nonsense(call.route.routeName, 'answered something that is not JSON'));
    this.answered();
    this.keep(answer);
    const to = this.destination();
    const body = call.face === 'openai' ? answer : envelopeOf(answer, facts.usage, to.target);
    const lines = this.headers(to);
    if (this.keeps) keepAnswer(deps, call, to, { body: this.keptBody(), ...facts });
    this.finish(facts, facts.usage === null ? textOf(answer) : null, () => sendAnswer(call.reply, body, lines));
  }

  refused(answer: { status: number; body: Buffer; retryAfter: string | null }): void {
    const { status } = answer;
    const { route, face } = this.call;
    this.missed(causeOfStatus(status), status, refusalOf(answer, this.destination(), route.routeName, face));
  }

  /** `rest`: the engine has told of the error in its own words, which are sent on; else it is broken off and the client told in ours. */
  broken(error: Failure, rest: Buffer | null): void {
    const { call } = this;
    if (rest === null) this.current?.abort();
    const status = this.statusOrNull();
    // after the first byte there is nothing left to try
    if (this.firstTokenMs === null) return this.missed('error', status, error);
    this.tries.broke(status);
    this.over = true;
    if (rest === null) this.close(sendFailure(call.reply, call.face, error, {}).status, error.code, error);
    else {
      call.reply.body(rest);
      this.close(error.status, error.code, error, undefined, null, call.reply.ending());
    }
    this.onFailure(error, true);
  }

  lost(error: WireError): void {
    if (this.over) return;
    const told = brokenOff(error, this.call.route.routeName);
    if (this.firstTokenMs !== null) return this.broken(told, null);
    this.missed(causeOfError(error), this.statusOrNull(), told);
  }

  threw(error: unknown): void {
    const { deps, call } = this;
    if (this.over) return deps.log.error({ err: error, requestId: call.requestId }, 'an answer could not be recorded');
    const what = error instanceof Error ? error.message : String(error);
    const told = isFailure(error) ? error : nonsense(call.route.routeName, `sent what is not understood: ${what}`);
    this.broken(told, null);
  }

  /** Tries the next destination; without one, answers with why the last failed. */
  private next(cause: RetryCause | null, failed: Failure | null): void {
    const { deps, call, tries } = this;
    const found = tries.next(cause);
    if (found === null) return this.fail(failed ?? tries.allOpen());
    try {
      const line = deps.upstream.line(found.target, found.address, call.operation);
      if (line instanceof Promise)
        line.then((opened) => this.send(found, opened)).catch((error: unknown) => this.unsendable(error));
      else this.send(found, line);
    } catch (error) {
      this.unsendable(error);
    }
  }

  /** Nothing was sent: the address may not or cannot be called, or its provider cannot do this. */
  private unsendable(error: unknown): void {
    const { deps, call } = this;
    if (this.over) return;
    if (!isFailure(error)) {
      deps.log.error({ err: error, requestId: call.requestId }, 'a request could not be sent');
      return this.missed(null, null, failure('internal', { cause: error }));
    }
    const passing = error.code === 'egress_unreachable' || error.code === 'egress_timeout';
    this.missed(passing ? 'connect' : null, null, error);
  }

  private send(to: Destination, line: Line): void {
    if (this.over) return;
    const { call, deps, record } = this;
    this.providerName = line.provider.telemetryName;
    const { headers } = record;
    this.current = attempt({ call, to, line, headers, named: deps.telemetry.enabled }, this);
  }

  private statusOrNull(): number | null {
    return this.current?.status() || null;
  }

  /** The first bytes commit to this answer: from here on nothing is tried again. */
  private commit(): void {
    if (this.firstTokenMs !== null) return;
    this.firstTokenMs = performance.now() - this.call.started;
    this.call.reply.open(this.headers(this.destination()) + streamLines);
  }

  private pass(events: Buffer): void {
    if (events.length === 0) return;
    this.commit();
    this.keep(events);
    this.call.reply.body(events);
  }

  /** Header lines of an answer. */
  private headers({ target }: Destination): string {
    const { call } = this;
    const { tried } = this.tries;
    const tries = tried.length > 1 ? `; attempts=${tried.length}` : '';
    const cache = call.cacheKey === null ? '' : 'x-llmops-cache: miss\r\n';
    return `x-request-id: ${call.requestId}\r\n${explanationOf(call.route, target)}${tries}\r\n${call.admission.headers}${cache}`;
  }

  /** Of what is under way. */
  private destination(): Destination {
    return this.tries.destination!;
  }

  private answered(): void {
    this.tries.answered(this.current!.status());
  }

  /** A try that failed before the client saw anything. */
  private missed(cause: RetryCause | null, status: number | null, error: Failure): void {
    this.tries.missed(cause, status);
    this.next(cause, error);
  }

  private fail(error: Failure): void {
    const { reply, face, requestId, route } = this.call;
    this.over = true;
    const sent = sendFailure(reply, face, error, {
      'x-request-id': requestId,
      'x-llmops-environment': route.environment,
    });
    this.close(sent.status, error.code, error);
    this.onFailure(error, false);
  }

  /** Answered in full: the last bytes leave when that is in the journal. */
  private finish(facts: AnswerFacts, text: string | null, go: () => void): void {
    this.over = true;
    try {
      this.close(200, null, null, facts, text, go);
    } catch (error) {
      go();
      throw error;
    }
  }

  private close(
    status: number,
    errorCode: string | null,
    error: Failure | null,
    facts: AnswerFacts = this.current?.facts() ?? noFacts,
    text: string | null = null,
    go?: () => void,
  ): void {
    this.tries.leave();
    const { kept, providerName } = this;
    const { attempts, shut, destination } = this.tries;
    const outcome: Outcome = {
      status,
      errorCode,
      error,
      usage: facts.usage,
      finishReason: facts.finishReason,
      responseId: facts.responseId,
      responseModel: facts.responseModel,
      firstTokenMs: this.call.streamed ? this.firstTokenMs : null,
      pieces: this.current?.facts()?.pieces ?? 0,
      text,
      body: kept === null ? null : Buffer.concat(kept),
      cut: this.keptSize > keptBytes,
      attempts,
      shut,
      destination,
      providerName,
    };
    this.record.end(outcome, go);
  }

  private keep(bytes: Buffer): void {
    if (!this.keeps || bytes.length === 0) return;
    this.keptSize += bytes.length;
    if (this.keptSize <= keptBytes) (this.kept ??= []).push(bytes);
  }

  private keptBody(): Buffer | null {
    return this.kept === null || this.keptSize > keptBytes ? null : Buffer.concat(this.kept);
  }

  /** What an orphan of this stream would be charged for. */
  private progress(): void {
    const now = performance.now();
    if (this.progressAt === 0) this.progressAt = now;
    if (now - this.progressAt < progressMs) return;
    this.progressAt = now;
    const { usage, pieces } = this.current!.facts()!;
    this.record.progress(usage?.completion_tokens ?? pieces);
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
