import { headerOf, unframe, type WireCall, type WireError } from '#platform/wire';
import type { Failure } from '#platform/errors';
import type { Dialect } from '#ports/provider';
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

/** Functions and no accessors: an object literal with those is a class of its own to V8, which costs as much as all else of a request. */
export interface Attempt {
  /** 0: no head has come */
  status(): number;
  /** of a stream, as far as it has come */
  facts(): StreamFacts | null;
  pause(): void;
  resume(): void;
  /** Nothing is told after it. */
  abort(): void;
}

const refusalBytes = 64 * 1024;
const answerBytes = 256 * 1024 * 1024;
const defaults = { connectMs: 5_000, firstTokenMs: 300_000, idleMs: 120_000 };
const done = Buffer.from('data: [DONE]\n\n');

interface StreamOptions {
  include_usage?: unknown;
  continuous_usage_stats?: unknown;
}

/**
 * Sends a request to one place and tells what comes of it. Knows nothing of other tries, nor of what is made of the answer. `headers`: further
 * lines for the upstream; `named`: ids and models of answers are wanted too. Throws `upstream_refused` for what the upstream cannot do.
 */
export function attempt(
  { call, to, line, headers, named }: { call: Call; to: Destination; line: Line; headers: string; named: boolean },
  listener: AttemptListener,
): Attempt {
  const { body, operation, streamed, route } = call;
  const { dialect, finishReasons, mistakes, streamUsage } = line.provider;
  const { timeouts } = to.target;
  const options = body.value['stream_options'] as StreamOptions | null | undefined;
  /** usage is asked for with each piece, which the client did not */
  const asksEachPiece = streamUsage === 'continuous' && options?.continuous_usage_stats === undefined;
  const asked = dialect === null ? null : { ...body.value, model: to.address.model };
  let wire: WireCall | null = null;
  let status = 0;
  let mode: 'refusal' | 'stream' | 'whole' = 'whole';
  let retryAfter: string | null = null;
  let parts: Buffer[] = [];
  let size = 0;
  let translator: ReturnType<Dialect['stream']> | null = null;
  let follower: StreamFollower | null = null;
  /** an event has been told: what fails from then on fails for the client too */
  let begun = false;

  function collect(payload: Buffer): void {
    size += payload.length;
    if (mode === 'refusal' && size > refusalBytes) return;
    if (size <= answerBytes) return void parts.push(Buffer.from(payload));
    parts = [];
    listener.broken(nonsense(route.routeName, 'sent an answer larger than 256 MiB'), null);
  }

  function onStream(payload: Buffer): void {
    const events = translator === null ? payload : translator.push(payload);
    // bytes that are handed on must outlive this turn
    const out = follower!.push(events);
    // nothing has left yet: another may do better
    const { error } = follower!.facts;
    if (error !== null && !begun) return listener.broken(toldByEngine(error, to, route.routeName), null);
    if (out.length > 0) begun = true;
    listener.events(out.length > 0 && translator === null ? Buffer.from(out) : out);
  }

  function onEnd(): void {
    wire = null;
    const bytes = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    if (mode === 'refusal')
      return listener.refused({ status: statusOfRefusal(status, bytes, mistakes), body: bytes, retryAfter });
    if (mode === 'stream') return endOfStream();
    if (dialect === null) {
      const answer = finishReasons === null ? bytes : createReasonTeller(finishReasons).tell(bytes);
      return listener.whole(answer, factsOfAnswer(answer, named));
    }
    const value = dialect.response(operation, bytes, asked!);
    listener.whole(Buffer.from(JSON.stringify(value)), value === null ? null : factsOfValue(value));
  }

  function endOfStream(): void {
    const last = translator === null ? null : translator.end();
    const rest = Buffer.concat([...(last === null ? [] : [follower!.push(last)]), follower!.end()]);
    const { facts } = follower!;
    if (facts.error !== null) return listener.broken(toldByEngine(facts.error, to, route.routeName), rest);
    if (!facts.done && facts.finishReason === null) {
      if (rest.length > 0) listener.events(rest);
      return listener.broken(nonsense(route.routeName, 'ended its answer early'), null);
    }
    // some engines leave the last line out
    listener.streamed(facts.done ? rest : Buffer.concat([rest, done]), facts);
  }

  function guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      listener.threw(error);
    }
  }

  wire = line.send(
    asked === null
      ? rewriteBody(body, {
          model: to.address.model,
          askUsage: streamed && streamUsage !== 'always',
          continuous: asksEachPiece,
          drop: call.face === 'envelope' ? ['variables', 'template'] : [],
        })
      : [Buffer.from(JSON.stringify(dialect!.request(operation, asked)))],
    headers,
    {
      connectMs: timeouts.connectMs ?? defaults.connectMs,
      firstByteMs: timeouts.firstTokenMs ?? defaults.firstTokenMs,
      idleMs: timeouts.idleMs ?? defaults.idleMs,
    },
    {
      onHead(code, head) {
        status = code;
        const type = headerOf(head, 'content-type') ?? 'application/json';
        if (code >= 300) {
          mode = 'refusal';
          retryAfter = headerOf(head, 'retry-after');
        } else if (streamed && (dialect !== null || type.startsWith('text/event-stream'))) {
          mode = 'stream';
          translator = dialect === null ? null : dialect.stream(operation);
          follower = createStreamFollower({
            wantsUsage: options?.include_usage === true,
            strip: asksEachPiece,
            reasons: finishReasons === null ? null : createReasonTeller(finishReasons),
          });
        }
      },
      onBody: (payload) => (mode === 'stream' ? guarded(() => onStream(payload)) : collect(payload)),
      onFrames(frames, count) {
        if (mode !== 'stream') return collect(unframe(frames));
        if (translator !== null) return guarded(() => onStream(unframe(frames)));
        guarded(() => {
          const out = follower!.frames(frames, count);
          if (out === null) return onStream(unframe(frames));
          if (out.length === 0) return listener.events(out);
          begun = true;
          listener.frames(out);
        });
      },
      onRest() {
        if (mode === 'stream') listener.pause();
      },
      onEnd: () => guarded(onEnd),
      onError(error) {
        wire = null;
        listener.lost(error);
      },
    },
  );

  return {
    status: () => status,
    facts: () => (follower === null ? null : follower.facts),
    pause: () => wire?.pause(),
    resume: () => wire?.resume(),
    abort() {
      wire?.abort();
      wire = null;
    },
  };
}
