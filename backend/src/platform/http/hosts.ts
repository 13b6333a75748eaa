import { isIP } from 'node:net';
import { failure } from '#platform/errors';
import type { RequestHead } from './reply.ts';

interface HostRules {
  host: string;
  publicUrl: string | undefined;
  allowedHosts: readonly string[];
  allowedOrigins: readonly string[];
}

const unsafe = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

/**
 * Refuses requests that a foreign page made a browser send: an unknown Host name (DNS rebinding; address literals cannot be rebound)
 * and, for changing methods, an Origin that is neither ours nor allowed. Throws `request_origin_refused`.
 */
export function createHostCheck(rules: HostRules): (request: RequestHead) => void {
  const publicHost = rules.publicUrl === undefined ? [] : [new URL(rules.publicUrl).hostname];
  const names = new Set(
    ['localhost', rules.host, ...publicHost, ...rules.allowedHosts].map((name) => name.toLowerCase()),
  );
  const origins = new Set([
    ...rules.allowedOrigins,
    ...(rules.publicUrl === undefined ? [] : [new URL(rules.publicUrl).origin]),
  ]);

  /** as clients write them: the same few again and again */
  const known = new Set<string>();
  const isKnown = (host: string): boolean => {
    if (known.has(host)) return true;
    const name = hostName(host);
    if (name === null || !(names.has(name) || isIP(name.replace(/^\[|\]$/g, '')) !== 0)) return false;
    if (known.size < 100) known.add(host);
    return true;
  };

  return (request) => {
    const { host } = request.headers;
    if (host === undefined || !isKnown(host)) {
      throw failure('request_origin_refused', { message: `The Host of this request is not known here.` });
    }
    if (!unsafe.has(request.method ?? '')) return;
    const { origin } = request.headers;
    if (origin === undefined) {
      if (request.headers['sec-fetch-site'] === 'cross-site')
        throw failure('request_origin_refused', { message: 'A page of another site may not do this.' });
      return;
    }
    if (!origins.has(origin) && originHost(origin) !== host.toLowerCase()) {
      throw failure('request_origin_refused', { message: 'A page of another origin may not do this.' });
    }
  };
}

function hostName(host: string): string | null {
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?$/i.exec(host);
  return match?.[1]?.toLowerCase() ?? null;
}

function originHost(origin: string): string | null {
  try {
    return new URL(origin).host.toLowerCase();
  } catch {
    return null;
  }
}
