import type { IncomingMessage } from 'node:http';

export const cookieName = 'llmops_session';

/** The session's secret; null without one. */
export function sessionCookie(request: Pick<IncomingMessage, 'headers'>): string | null {
  return cookieOf(request, cookieName);
}

export function cookieOf(request: Pick<IncomingMessage, 'headers'>, name: string): string | null {
  for (const part of (request.headers.cookie ?? '').split(';')) {
    const [key, value] = part.trim().split('=', 2);
    if (key === name && value !== undefined && /^[\w-]{1,200}$/.test(value)) return value;
  }
  return null;
}

export function setCookie(
  value: string,
  options: { name?: string; path?: string; secure: boolean; maxAgeSeconds: number },
): string {
  const { name = cookieName, path = '/', secure, maxAgeSeconds } = options;
  return `${name}=${value}; Path=${path}; HttpOnly; SameSite=Lax; Max-Age=${maxAgeSeconds}${secure ? '; Secure' : ''}`;
}
