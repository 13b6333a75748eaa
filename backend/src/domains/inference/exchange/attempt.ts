import type { RouteTarget } from '#domains/serving';
import { headerOf, unframe, type WireCall, type WireError, type WireHandler } from '#platform/wire';
import type { Failure } from '#platform/errors';
import type { Dialect, Provider } from '#ports/provider';
import { rewriteBody } from '../request/rewrite.ts';
import type { Destination } from '../routing/choice.ts';
import type { Line } from '../upstream/index.ts';
import type { Call } from './call.ts';
import { createStreamFollower, type StreamFacts, type StreamFollower } from './events.ts';
import { nonsense, statusOfRefusal, toldByEngine } from './failures.ts';
import { factsOfAnswer, factsOfValue, type AnswerFacts } from './facts.ts';
import { createReasonTeller } from './reasons.ts';

/** What comes of a try, in OpenAI's format whatever the upstream speaks. */
export interface AttemptListener {
  /** Whole events of a stream; may be empty. */
  events(events: Buffer): void;
  /** The same, each in its chunk; not empty. */
  frames(frames: Buffer): void;
  /** What came at once has been told. */
  pause(): void;
  /** The last events of a stream that is complete. */
  streamed(rest: Buffer, facts: StreamFacts): void;
  /** A whole answer; facts null: it is no JSON. */
  whole(answer: Buffer, facts: AnswerFacts | null): void;
  refused(answer: { status: number; body: Buffer; retryAfter: string | null }): void;
  /** What came is no answer, or the end of none. `rest`: the engine has told so in its own words, which are the last events. */
  broken(error: Failure, rest: Buffer | null): void;
  /** The connection was not made, or gave out. */
  lost(error: WireError): void;
  /** What one of the above threw that is no failure of the upstream's. */
  threw(error: unknown): void;
}

const refusalBytes = 64 * 1024;
const answerBytes = 256 * 1024 * 1024;
const defaults = { connectMs: 5_000, firstByteMs: 300_000, idleMs: 120_000 };
const envelopeMembers = ['variables', 'template'];
const noMembers: string[] = [];
const done = Buffer.from('data: [DONE]\n\n');

interface StreamOptions {
  include_usage?: unknown;
  continuous_usage_stats?: unknown;
}

interface AttemptOptions {
  call: Call;
  to: Destination;
  line: Line;
  /** further lines for the upstream */
  headers: string;
  /** ids and models of answers are wanted too */
  named: boolean;
}

/**
 * Sends a request to one place and tells what comes of it. Knows nothing of other tries, nor of what is made of the answer. Throws
 * `upstream_refused` for what the upstream cannot do.
 */
export function attempt(options: AttemptOptions, listener: AttemptListener): Attempt {
  const made = new Attempt(options, listener);
  made.send(options);
  return made;
}

export type { Attempt };

/** A class, for each request makes one (decision 30). */
class Attempt implements WireHandler {
  private readonly call: Call;
  private readonly to: Destination;
  private readonly provider: Provider;
  private readonly named: boolean;
  private readonly listener: AttemptListener;
  /** what is asked, of a provider with a format of its own */
  private readonly asked: Record<string, unknown> | null;
  private wire: WireCall | null;
  private code: number;
  private mode: 'refusal' | 'stream' | 'whole';
  private retryAfter: string | null;
  private parts: Buffer[] | null;
  private size: number;
  private translator: ReturnType<Dialect['stream']> | null;
  private follower: StreamFollower | null;
  /** an event has been told: what fails from then on fails for the client too */
  private begun: boolean;

  constructor({ call, to, line, named }: AttemptOptions, listener: AttemptListener) {
    const { provider } = line;
    this.call = call;
    this.to = to;
    this.provider = provider;
    this.named = named;
    this.listener = listener;
    this.asked = provider.dialect === null ? null : { ...call.body.value, model: to.address.model };
    this.wire = null;
    this.code = 0;
    this.mode = 'whole';
    this.retryAfter = null;
    this.parts = null;
    this.size = 0;
    this.translator = null;
    this.follower = null;
    this.begun = false;
  }

  send({ to, line, headers }: AttemptOptions): void {
    this.wire = line.send(this.body(), headers, timeoutsOf(to.target), this);
  }

  /** 0: no head has come */
  status(): number {
    return this.code;
  }

  /** of a stream, as far as it has come */
  facts(): StreamFacts | null {
    return this.follower === null ? null : this.follower.facts;
  }

  pause(): void {
    this.wire?.pause();
  }

  resume(): void {
    this.wire?.resume();
  }

  /** Nothing is told after it. */
  abort(): void {
    this.wire?.abort();
    this.wire = null;
  }

  onHead(code: number, head: string): void {
    const { dialect, finishReasons } = this.provider;
    this.code = code;
    if (code >= 300) {
      this.mode = 'refusal';
      this.retryAfter = headerOf(head, 'retry-after');
      return;
    }
    if (!this.call.streamed) return;
    if (dialect === null && headerOf(head, 'content-type')?.startsWith('text/event-stream') !== true) return;
    this.mode = 'stream';
    this.translator = dialect === null ? null : dialect.stream(this.call.operation);
    this.follower = createStreamFollower({
      wantsUsage: this.options()?.include_usage === true,
      strip: this.asksEachPiece(),
      reasons: finishReasons === null ? null : createReasonTeller(finishReasons),
    });
  }

  onBody(payload: Buffer): void {
    if (this.mode !== 'stream') return this.collect(payload);
    try {
      this.onStream(payload);
    } catch (error) {
      this.listener.threw(error);
    }
  }

  onFrames(frames: Buffer, count: number): void {
    if (this.mode !== 'stream') return this.collect(unframe(frames));
    try {
      const out = this.translator === null ? this.follower!.frames(frames, count) : null;
      if (out === null) this.onStream(unframe(frames));
      else if (out.length === 0) this.listener.events(out);
      else {
        this.begun = true;
        this.listener.frames(out);
      }
    } catch (error) {
      this.listener.threw(error);
    }
  }

  onRest(): void {
    if (this.mode === 'stream') this.listener.pause();
  }

  onEnd(): void {
    this.wire = null;
    try {
      if (this.mode === 'stream') this.endOfStream();
      else this.endOfWhole();
    } catch (error) {
      this.listener.threw(error);
    }
  }

  onError(error: WireError): void {
    this.wire = null;
    this.listener.lost(error);
  }

  /** The body that is sent, in pieces. */
  private body(): Buffer[] {
    const { call, to, provider, asked } = this;
    const { dialect } = provider;
    if (asked !== null) return [Buffer.from(JSON.stringify(dialect!.request(call.operation, asked)))];
    return rewriteBody(call.body, {
      model: to.address.model,
      askUsage: call.streamed && provider.streamUsage !== 'always',
      continuous: this.asksEachPiece(),
      drop: call.face === 'envelope' ? envelopeMembers : noMembers,
    });
  }

  private options(): StreamOptions | null | undefined {
    return this.call.body.value['stream_options'] as StreamOptions | null | undefined;
  }

  /** usage is asked for with each piece, which the client did not */
  private asksEachPiece(): boolean {
    return this.provider.streamUsage === 'continuous' && this.options()?.continuous_usage_stats === undefined;
  }

  private collect(payload: Buffer): void {
    this.size += payload.length;
    if (this.mode === 'refusal' && this.size > refusalBytes) return;
    if (this.size <= answerBytes) {
      const part = Buffer.from(payload);
      if (this.parts === null) this.parts = [part];
      else this.parts.push(part);
      return;
    }
    this.parts = null;
    this.listener.broken(nonsense(this.call.route.routeName, 'sent an answer larger than 256 MiB'), null);
  }

  private onStream(payload: Buffer): void {
    const { translator, listener } = this;
    const events = translator === null ? payload : translator.push(payload);
    // bytes that are handed on must outlive this turn
    const out = this.follower!.push(events);
    // nothing has left yet: another may do better
    const { error } = this.follower!.facts;
    if (error !== null && !this.begun)
      return listener.broken(toldByEngine(error, this.to, this.call.route.routeName), null);
    if (out.length > 0) this.begun = true;
    listener.events(out.length > 0 && translator === null ? Buffer.from(out) : out);
  }

  private endOfWhole(): void {
    const { listener, parts, code } = this;
    const { dialect, finishReasons, mistakes } = this.provider;
    const bytes = parts !== null && parts.length === 1 ? parts[0]! : Buffer.concat(parts ?? []);
    if (this.mode === 'refusal') {
      const { retryAfter } = this;
      return listener.refused({ status: statusOfRefusal(code, bytes, mistakes), body: bytes, retryAfter });
    }
    if (dialect === null) {
      const answer = finishReasons === null ? bytes : createReasonTeller(finishReasons).tell(bytes);
      return listener.whole(answer, factsOfAnswer(answer, this.named));
    }
    const value = dialect.response(this.call.operation, bytes, this.asked!);
    listener.whole(Buffer.from(JSON.stringify(value)), value === null ? null : factsOfValue(value));
  }

  private endOfStream(): void {
    const { translator, listener } = this;
    const { routeName } = this.call.route;
    const last = translator === null ? null : translator.end();
    const rest = Buffer.concat([...(last === null ? [] : [this.follower!.push(last)]), this.follower!.end()]);
    const { facts } = this.follower!;
    if (facts.error !== null) return listener.broken(toldByEngine(facts.error, this.to, routeName), rest);
    if (!facts.done && facts.finishReason === null) {
      if (rest.length > 0) listener.events(rest);
      return listener.broken(nonsense(routeName, 'ended its answer early'), null);
    }
    // some engines leave the last line out
    listener.streamed(facts.done ? rest : Buffer.concat([rest, done]), facts);
  }
}

const timeouts = new WeakMap<RouteTarget, typeof defaults>();

/** A target is the same object as long as nobody changes it. */
function timeoutsOf(target: RouteTarget): typeof defaults {
  let known = timeouts.get(target);
  if (known === undefined) {
    const { connectMs, firstTokenMs, idleMs } = target.timeouts;
    known = {
      connectMs: connectMs ?? defaults.connectMs,
      firstByteMs: firstTokenMs ?? defaults.firstByteMs,
      idleMs: idleMs ?? defaults.idleMs,
    };
    timeouts.set(target, known);
  }
  return known;
}
