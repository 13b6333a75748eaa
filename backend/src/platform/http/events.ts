import { setTimeout as wait } from 'node:timers/promises';
import { Readable } from 'node:stream';
import type { Access } from '#platform/access';
import { failureReply } from './envelope.ts';

/** One server-sent event; `data` is sent as JSON. */
export interface ServerEvent {
  name: string;
  data: unknown;
}

/** What a route with `events` answers when it is asked for `text/event-stream`. */
export interface EventAnswer {
  /** Asked again every few seconds: throws once the caller may no longer see what is sent. */
  admit(access: Access): Promise<unknown>;
  /** Ends with the signal, at the latest with its next event. */
  events(signal: AbortSignal): AsyncIterable<ServerEvent>;
}

export const isEventAnswer = (answer: unknown): answer is EventAnswer =>
  typeof (answer as EventAnswer | null)?.events === 'function';

/** How long a stream may say nothing, and a right that was taken away still hold. Proxies cut silent connections after 30 s or more. */
const beatMs = 5_000;

interface Sending {
  answer: EventAnswer;
  /** the caller's rights as they are now; throws when there is no such caller any more */
  renew(): Promise<Access>;
  /** the client went away, or the server closes */
  signal: AbortSignal;
}

/**
 * The text of an event stream: events as they come, a comment when there was none for a while, at the end an event `end`, or `failure` with
 * what a failed reply has as its data. Whoever reads slower than it is written holds the source back.
 */
export function eventText(sending: Sending): Readable {
  return Readable.from(textOf(sending), { encoding: 'utf8', objectMode: false });
}

async function* textOf({ answer, renew, signal }: Sending): AsyncGenerator<string> {
  const ended = new AbortController();
  const until = AbortSignal.any([signal, ended.signal]);
  const source = answer.events(until)[Symbol.asyncIterator]();
  const aborted = new Promise<'aborted'>((resolve) => {
    if (until.aborted) resolve('aborted');
    until.addEventListener('abort', () => resolve('aborted'), { once: true });
  });
  try {
    yield ': \n\n';
    let next = source.next();
    // what is left behind when the client goes away has nobody to tell
    next.catch(() => undefined);
    let beaten = Date.now();
    while (!signal.aborted) {
      const beat = new AbortController();
      const pause = Math.max(0, beaten + beatMs - Date.now());
      const first = await Promise.race([
        next,
        aborted,
        wait(pause, 'beat' as const, { signal: beat.signal }).catch(() => 'beat' as const),
      ]);
      beat.abort();
      if (first === 'aborted') break;
      if (Date.now() - beaten >= beatMs) {
        beaten = Date.now();
        await answer.admit(await renew());
        if (first === 'beat') yield ': \n\n';
      }
      if (first === 'beat') continue;
      if (first.done === true) {
        yield told({ name: 'end', data: {} });
        return;
      }
      yield told(first.value);
      next = source.next();
      next.catch(() => undefined);
    }
  } catch (error) {
    const { envelope } = failureReply(error);
    yield told({ name: 'failure', data: { ...envelope.data, message: envelope.message } });
  } finally {
    ended.abort();
    void source.return?.()?.then(undefined, () => undefined);
  }
}

const told = ({ name, data }: ServerEvent) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
