// not the globals of the same names: the first use of one of them loads a second copy of all this
import { fetch as undiciFetch, Headers as UndiciHeaders, Response as UndiciResponse, type Agent } from 'undici';
import { failure, isFailure } from '#platform/errors';
import type { Logger } from '#platform/log';
import {
  admitted,
  createAgent,
  createLookup,
  resolveBySystem,
  type AgentOptions,
  type Lookup,
  type Resolve,
} from './connect.ts';
import { createRules } from './rules.ts';

export type { AgentOptions, Lookup } from './connect.ts';
export { withoutCredentials } from './redact.ts';

export interface EgressInit extends RequestInit {
  /** until the headers of the last redirect's answer came; 30 s when not given, 0: no limit */
  timeoutMs?: number;
  /** 5 when not given; 0 fails on the first */
  maxRedirects?: number;
  /** the body ends with `egress_too_large` beyond this many (decoded) bytes; no limit when not given */
  maxBytes?: number;
}

/** The only way to call an address that a user gave. */
export interface Egress {
  /**
   * `fetch`, but only to admitted addresses, on each redirect anew; credentials are not carried to another origin. Throws
   * `egress_refused`, `egress_unreachable`, `egress_timeout`. A body that stalls for 60 s fails.
   */
  fetch(url: string | URL, init?: EgressInit): Promise<Response>;
  /** Parses and resolves without calling. Throws `egress_refused`, `egress_unreachable`. */
  check(url: string | URL): Promise<URL>;
  /** For the hot path: an undici dispatcher that connects to this URL's origin alone, each connection checked. Throws `egress_refused`. */
  checkedAgent(url: string | URL, options?: Omit<AgentOptions, 'origin'>): Agent;
  /** For `net`, `http` and `tls`; does not see hosts that are addresses: `check` the URL first. */
  lookup: Lookup;
  close(): Promise<void>;
}

const redirects = new Set([301, 302, 303, 307, 308]);
const credentials = ['authorization', 'proxy-authorization', 'cookie', 'x-api-key', 'api-key', 'x-goog-api-key'];

/**
 * `allow`: host globs, addresses and networks that may be private. `allowLoopback`: the embedded default. `resolve` replaces the
 * system's name service.
 */
export function createEgress(deps: {
  allow: readonly string[];
  allowLoopback: boolean;
  log: Logger;
  resolve?: Resolve;
}): Egress {
  const rules = createRules(deps);
  const resolve = deps.resolve ?? resolveBySystem;
  const agent = createAgent(rules, resolve);

  async function follow(url: URL, init: EgressInit, signal: AbortSignal, left: number): Promise<Response> {
    const response = (await undiciFetch(url.href, {
      ...init,
      signal,
      redirect: 'manual',
      dispatcher: agent,
    } as never)) as unknown as Response;
    const location = response.headers.get('location');
    if (!redirects.has(response.status) || location === null) return response;
    await response.body?.cancel();
    if (left === 0) throw failure('egress_refused', { message: `${url.host} redirects too often.` });
    if (!URL.canParse(location, url.href))
      throw failure('egress_refused', { message: `${url.host} redirects to no URL.` });
    const next = rules.parse(new URL(location, url));
    return follow(next, redirected(init, response.status, url, next), signal, left - 1);
  }

  return {
    async fetch(input, init = {}) {
      const timeoutMs = init.timeoutMs ?? 30_000;
      const late = new AbortController();
      const timer = timeoutMs > 0 ? setTimeout(() => late.abort(), timeoutMs) : undefined;
      const signal = init.signal ? AbortSignal.any([late.signal, init.signal]) : late.signal;
      try {
        const response = await follow(rules.parse(input), init, signal, init.maxRedirects ?? 5);
        return init.maxBytes === undefined ? response : limited(response, init.maxBytes);
      } catch (error) {
        const told = explained(error, late.signal.aborted, init.signal?.aborted ?? false, timeoutMs);
        if (isFailure(told, 'egress_refused')) deps.log.warn({ reason: told.message }, 'refused to call an address');
        throw told;
      } finally {
        clearTimeout(timer);
      }
    },
    async check(input) {
      const url = rules.parse(input);
      await admitted(rules, resolve, url.hostname);
      return url;
    },
    checkedAgent: (url, options) => createAgent(rules, resolve, { ...options, origin: rules.parse(url).origin }),
    lookup: createLookup(rules, resolve),
    close: () => agent.close(),
  };
}

/** As browsers do: 303, and 301 or 302 after a POST, become a GET; a body that was streamed cannot be sent twice. */
function redirected(init: EgressInit, status: number, from: URL, to: URL): EgressInit {
  const headers = new UndiciHeaders(init.headers as never) as unknown as Headers;
  const method = (init.method ?? 'GET').toUpperCase();
  const toGet = (status === 303 && method !== 'HEAD') || (status <= 302 && method === 'POST');
  if (from.origin !== to.origin) for (const name of credentials) headers.delete(name);
  if (!toGet) {
    if (init.body instanceof ReadableStream) {
      throw failure('egress_refused', { message: `${from.host} redirects a body that is sent as a stream.` });
    }
    return { ...init, headers };
  }
  for (const name of ['content-type', 'content-length', 'content-encoding']) headers.delete(name);
  return { ...init, headers, method: 'GET', body: null };
}

function limited(response: Response, maxBytes: number): Response {
  if (!response.body) return response;
  let bytes = 0;
  const counter = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      bytes += chunk.byteLength;
      if (bytes > maxBytes) {
        controller.error(failure('egress_too_large', { message: `The answer is larger than ${maxBytes} bytes.` }));
      } else controller.enqueue(chunk);
    },
  });
  const { status, statusText } = response;
  // lengths and encodings are those of the wire, the body is decoded by now
  const headers = new UndiciHeaders(response.headers as never);
  headers.delete('content-encoding');
  headers.delete('content-length');
  return new UndiciResponse(response.body.pipeThrough(counter) as never, {
    status,
    statusText,
    headers: [...headers],
  }) as unknown as Response;
}

/** What `fetch` wraps into "fetch failed", unwrapped. */
function explained(error: unknown, late: boolean, cancelled: boolean, timeoutMs: number): unknown {
  if (cancelled) return error;
  if (late) return failure('egress_timeout', { message: `No answer within ${timeoutMs} ms.`, cause: error });
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (isFailure(cause)) return cause;
    const code = (cause as { code?: string }).code;
    if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_CONNECT_TIMEOUT')
      return failure('egress_timeout', { cause });
  }
  const reason = error instanceof Error && error.cause instanceof Error ? error.cause.message : '';
  return failure(
    'egress_unreachable',
    reason === '' ? { cause: error } : { message: `The other side cannot be reached: ${reason}.`, cause: error },
  );
}
