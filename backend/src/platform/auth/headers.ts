import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { createHash, timingSafeEqual } from 'node:crypto';
import { roles as knownRoles, TeamName, type Role } from '@llm-ops/contracts';
import { failure, type Issue } from '#platform/errors';

/** What identity headers say; `roles` null: not said. */
export interface HeaderClaims {
  userId: string;
  roles: Role[] | null;
  teams: string[] | null;
}

const maxLength = 200;
/** What of a request tells who sent it. */
export type RequestHead = Pick<IncomingMessage, 'method' | 'headers' | 'rawHeaders' | 'socket'>;

const names = ['x-user-id', 'x-user-roles', 'x-user-team'] as const;
const forwarding = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'];

export const hasIdentityHeaders = (request: RequestHead) => names.some((name) => request.headers[name] !== undefined);

export interface Trust {
  /** Whether identity headers of this request are believed. */
  believes(request: RequestHead): boolean;
  /** Whether it comes from this machine itself, not through a proxy. */
  isLocal(request: RequestHead): boolean;
}

/** Throws `validation_failed` for an entry that is neither an address nor a network. */
export function createTrust(trustedProxies: readonly string[], sharedSecret: string | undefined): Trust {
  const proxies = new BlockList();
  for (const entry of trustedProxies) {
    const [address = '', bits] = entry.trim().split('/');
    const family = isIP(address);
    const width = family === 4 ? 32 : 128;
    const length = bits === undefined ? width : Number(bits);
    if (family === 0 || !Number.isInteger(length) || length < 0 || length > width) {
      throw failure('validation_failed', {
        issues: [
          { path: 'TRUSTED_PROXIES', message: `"${entry}" is neither an address nor a network like 10.0.0.0/8.` },
        ],
      });
    }
    proxies.addSubnet(address, length, family === 4 ? 'ipv4' : 'ipv6');
  }
  const loopback = new BlockList();
  loopback.addSubnet('127.0.0.0', 8, 'ipv4');
  loopback.addAddress('::1', 'ipv6');
  const peerIn = (list: BlockList, request: RequestHead) => {
    const peer = request.socket.remoteAddress ?? '';
    const family = isIP(peer);
    return family !== 0 && list.check(peer, family === 4 ? 'ipv4' : 'ipv6');
  };
  // a proxy on this machine brings strangers in over loopback: then it must be configured
  const isLocal = (request: RequestHead) =>
    peerIn(loopback, request) && forwarding.every((name) => request.headers[name] === undefined);
  return {
    isLocal,
    believes(request) {
      if (isLocal(request) || peerIn(proxies, request)) return true;
      const given = request.headers['x-proxy-secret'];
      return Boolean(sharedSecret) && typeof given === 'string' && sameText(given, sharedSecret!);
    },
  };
}

/** Compared in constant time, whatever the lengths. */
export function sameText(a: string, b: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(a), hash(b));
}

/** Throws `validation_failed` naming every wrong header, `unauthenticated` without an X-User-Id. */
export function readHeaders(request: RequestHead): HeaderClaims {
  const issues: Issue[] = [];
  const text = (name: (typeof names)[number], label: string): string | null => {
    const raw = request.headers[name];
    if (raw === undefined) return null;
    const value = decoded(String(raw));
    const wrong = problem(value, countOf(request, name));
    if (wrong !== null) issues.push({ path: label, message: wrong });
    return value?.trim() ?? '';
  };
  const userId = text('x-user-id', 'X-User-Id');
  const roleText = text('x-user-roles', 'X-User-Roles');
  const teamText = text('x-user-team', 'X-User-Team');
  const roles = roleText === null ? null : listOf(roleText);
  const teams = teamText === null ? null : listOf(teamText);
  for (const role of roles ?? []) {
    if (issues.length > 0 || (knownRoles as readonly string[]).includes(role)) continue;
    const message = `There is no role "${role}". Roles: ${knownRoles.join(', ')}.`;
    issues.push({ path: 'X-User-Roles', message });
  }
  for (const team of teams ?? []) {
    const parsed = TeamName.safeParse(team);
    if (issues.length > 0 || parsed.success) continue;
    issues.push({ path: 'X-User-Team', message: parsed.error.issues[0]!.message });
  }
  if (issues.length > 0) throw failure('validation_failed', { issues });
  if (userId === null || userId === '')
    throw failure('unauthenticated', { message: 'The X-User-Id header is missing.' });
  return { userId, roles: roles as Role[] | null, teams: teams && teams.length > 0 ? teams : null };
}

/** Header bytes are UTF-8 here; Node hands them over as Latin-1. Null when they are not. */
function decoded(raw: string): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(raw, 'latin1'));
  } catch {
    return null;
  }
}

function problem(value: string | null, count: number): string | null {
  if (count > 1) return 'Is sent more than once.';
  if (value === null) return 'Is not UTF-8.';
  if (value.length > maxLength) return `Is longer than ${maxLength} characters.`;
  // controls, invisible formatting, line separators, lone surrogates, unassigned
  if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Cn}\p{Co}]/u.test(value)) return 'Holds control or invisible characters.';
  return null;
}

function countOf(request: RequestHead, name: string): number {
  let count = 0;
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    if (request.rawHeaders[index]!.toLowerCase() === name) count += 1;
  }
  return count;
}

const listOf = (text: string) => [
  ...new Set(
    text
      .split(',')
      .map((one) => one.trim())
      .filter((one) => one !== ''),
  ),
];
