import type { IncomingMessage } from 'node:http';

/** The body of a request, read piece by piece. What arrived before a disconnect is delivered; `lost` says that there was one. */
export interface Body {
  /** The next bytes, at most `max`; null at the end. */
  read(max: number): Promise<Buffer | null>;
  readonly lost: boolean;
  /** Ends reading and leaves the rest of the body, if any, in the request. */
  leave(): Promise<void>;
}

/** Reading ends as after a disconnect when the client is silent for `idleMs`, or when `signal` is aborted. */
export function readBody(request: IncomingMessage, options: { idleMs: number; signal: AbortSignal }): Body {
  const { idleMs, signal } = options;
  const chunks = request.iterator({ destroyOnReturn: false });
  let rest: Buffer | null = null;
  let lost = false;
  // a request that breaks while nobody reads must not count as unhandled
  request.on('error', () => undefined);
  const end = () => request.destroy();
  signal.addEventListener('abort', end, { once: true });

  async function next(): Promise<Buffer | null> {
    const silence = setTimeout(end, idleMs);
    try {
      if (signal.aborted) throw signal.reason;
      const { value, done } = await chunks.next();
      return done ? null : (value as Buffer);
    } catch {
      lost = true;
      return null;
    } finally {
      clearTimeout(silence);
    }
  }

  return {
    get lost() {
      return lost;
    },
    async read(max) {
      const bytes = rest ?? (await next());
      if (bytes === null || bytes.length <= max) {
        rest = null;
        return bytes;
      }
      rest = bytes.subarray(max);
      return bytes.subarray(0, max);
    },
    async leave() {
      signal.removeEventListener('abort', end);
      await chunks.return?.();
    },
  };
}

const lingerMs = 10_000;

/**
 * Reads and forgets what a refused client is still sending, so that it can read the answer (a closed socket would reset it away), but
 * not for longer than ten seconds: gigabytes that nobody wants are not taken in.
 */
export function discardBody(request: IncomingMessage): void {
  if (request.complete || request.destroyed) return;
  const timer = setTimeout(() => request.destroy(), lingerMs).unref();
  request.on('error', () => undefined);
  request.on('close', () => clearTimeout(timer));
  request.on('end', () => clearTimeout(timer));
  request.resume();
}
